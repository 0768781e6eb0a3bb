import type { Random } from "../sim/random.ts";

/** One generated request, as it goes over the wire. */
export interface FuzzRequest {
  readonly method: string;
  /** The request target, written as it is sent. */
  readonly target: string;
  /** Without Host and Authorization, which a target adds unless they are here. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer;
  /** How the body is sent. `cut` announces more than is sent. Default `length`. */
  readonly framing?: "length" | "chunked" | "cut";
  /** The whole text, instead of all of the above, for what is hardly HTTP. */
  readonly wire?: string;
}
/** What an answer is judged by. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Set when the answer is a stream that goes on, of which only the beginning was read. */
  readonly open?: true;
}
/** Ids of work that exists on a target, so that requests get past the first look-up. */
export interface World {
  readonly jobs: readonly string[];
  readonly openJob: string;
  readonly runs: readonly string[];
  readonly approval: { readonly runId: string; readonly token: string };
  readonly cursors: readonly string[];
}

/** Returns the bytes of a request. */
export function bytesOf(request: FuzzRequest, host: string, token: string): Buffer {
  if (request.wire !== undefined) return Buffer.from(request.wire.replaceAll("{host}", host), "latin1");
  const { method, target, body, framing = "length" } = request;
  const has = (name: string): boolean => request.headers.some(([given]) => given.toLowerCase() === name);
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!has("host")) lines.push(`Host: ${host}`);
  if (!has("authorization")) lines.push(`Authorization: Bearer ${token}`);
  for (const [name, value] of request.headers) lines.push(`${name}: ${value}`);
  if (body !== undefined && !has("content-length") && !has("transfer-encoding"))
    lines.push(
      framing === "chunked"
        ? "Transfer-Encoding: chunked"
        : `Content-Length: ${body.byteLength + (framing === "cut" ? 10 : 0)}`,
    );
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "utf8");
  if (body === undefined) return head;
  return Buffer.concat(framing === "chunked" ? [head, ...chunksOf(body)] : [head, body]);
}
/** Cuts a small body into single bytes, and a large one into a few pieces. */
function chunksOf(body: Buffer): Buffer[] {
  const size = body.byteLength < 200 ? 1 : Math.ceil(body.byteLength / 7);
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.byteLength; at += size) {
    const piece = body.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.byteLength.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return [...pieces, Buffer.from("0\r\n\r\n")];
}

/** Returns what a person reads of a request. */
export function shown(request: FuzzRequest): string {
  if (request.wire !== undefined) return JSON.stringify(request.wire.slice(0, 300));
  const body = request.body === undefined ? "" : ` ${JSON.stringify(request.body.toString("latin1").slice(0, 300))}`;
  const headers = request.headers.map(([name, value]) => `${name}: ${value.slice(0, 100)}`).join("; ");
  return `${request.method} ${request.target.slice(0, 300)} [${headers}]${body}`;
}

/** Returns the results of `make`, up to `most` times. */
export function several<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: random.int(most + 1) }, make);
}
