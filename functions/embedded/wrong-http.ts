import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { problemResponse } from "../api/problem.ts";
import { FanfoldError } from "../core/errors.ts";

/**
 * Answers what Node's parser refuses before there is a request: malformed HTTP, headers over the limit, a request that
 * takes too long. Node's own answers have no content.
 */
export function answerWrongHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
  void writeProblem(socket, problemOf(error.code));
}
/** Refuses a request for a tunnel, which Node hands over as a bare connection. */
export function refuseConnect(socket: Duplex): void {
  void writeProblem(socket, new FanfoldError("method_not_allowed", "CONNECT is not possible: this server is no proxy"));
}

function problemOf(code: string | undefined): FanfoldError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new FanfoldError("headers_too_large", "the address and headers of the request are larger than 16 KB");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new FanfoldError("request_timeout", "the request took too long to arrive; send it again, and faster", {
        retryable: true,
      });
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new FanfoldError("payload_too_large", "the extensions of the body's chunks are larger than 16 KB");
    default:
      return new FanfoldError("invalid_request", "the request is not valid HTTP/1.1");
  }
}

/** Writes a whole answer and ends the connection, unless an answer has begun or nobody listens. */
async function writeProblem(socket: Duplex & { _httpMessage?: { headersSent: boolean } }, error: FanfoldError) {
  const began = socket._httpMessage?.headersSent === true;
  const { status, headers, body } = await textOf(error);
  if (began || !socket.writable) return void socket.destroy();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n${body}`);
}
async function textOf(error: FanfoldError): Promise<{ status: number; headers: string; body: string }> {
  const response = problemResponse(error, { Connection: "close" });
  const body = await response.text();
  response.headers.set("Content-Length", String(Buffer.byteLength(body)));
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return { status: response.status, headers, body };
}
