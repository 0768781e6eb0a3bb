import { connect, type Socket } from "node:net";
import type { Answer } from "./request.ts";

/** What came of a request: an answer, or why there is none. */
export type Outcome = Answer | "closed" | "hung";

/** What the reader of an answer must know of its request. `follows`: the answer may go on for ever. */
export interface Asked {
  readonly method: string;
  readonly follows: boolean;
}

/**
 * Sends bytes that no HTTP library would send, and reads what comes back. Connections are used again while the server
 * keeps them open, so that a fault in one request shows in the next.
 */
export class RawClient {
  readonly #port: number;
  readonly #timeoutMs: number;
  readonly #idle: Socket[] = [];

  constructor(port: number, timeoutMs: number) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
  }
  /** Sends requests in one write, and reads an answer for each. `cut` ends the sending. */
  async exchange(bytes: Buffer, asked: readonly Asked[], cut: boolean): Promise<Outcome[]> {
    const kept = this.#keptOpen();
    const outcomes = await this.#exchange(kept ?? (await this.#open()), bytes, asked, cut);
    // A server may close a kept connection at any time, also while a request is on its way.
    return kept !== undefined && outcomes[0] === "closed" ? this.exchange(bytes, asked, cut) : outcomes;
  }
  close(): void {
    for (const socket of this.#idle) socket.destroy();
  }

  async #exchange(socket: Socket, bytes: Buffer, asked: readonly Asked[], cut: boolean): Promise<Outcome[]> {
    const reader = new AnswerReader(asked);
    const ended = await new Promise<"complete" | "closed" | "hung">((resolve) => {
      const timer = setTimeout(resolve, this.#timeoutMs, "hung");
      const onData = (chunk: Buffer): void => {
        if (reader.add(chunk)) end("complete");
      };
      const onClose = (): void => end("closed");
      const end = (how: "complete" | "closed"): void => {
        clearTimeout(timer);
        socket.off("data", onData).off("close", onClose).off("end", onClose);
        resolve(how);
      };
      socket.on("data", onData).on("close", onClose).on("end", onClose);
      socket.write(bytes);
      if (cut) socket.end();
    });
    if (ended === "complete" && reader.reusable && !cut) this.#idle.push(socket);
    else socket.resetAndDestroy();
    const answers = reader.finish();
    return asked.map((_each, k) => answers[k] ?? (ended === "hung" ? "hung" : "closed"));
  }
  #keptOpen(): Socket | undefined {
    for (let socket = this.#idle.pop(); socket; socket = this.#idle.pop()) {
      if (!socket.destroyed && !socket.readableEnded) return socket;
      socket.destroy();
    }
    return undefined;
  }
  #open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, "127.0.0.1", () => resolve(socket));
      socket.setNoDelay(true);
      socket.once("error", reject);
      socket.on("error", () => undefined);
    });
  }
}

/** Reads answers of HTTP/1.1 from pieces of text. */
class AnswerReader {
  readonly answers: Answer[] = [];
  reusable = true;
  readonly #asked: readonly Asked[];
  #text = "";

  constructor(asked: readonly Asked[]) {
    this.#asked = asked;
  }
  /** Returns whether every answer is complete. */
  add(chunk: Buffer): boolean {
    this.#text += chunk.toString("latin1");
    while (this.answers.length < this.#asked.length && this.#readOne(false));
    if (this.answers.length < this.#asked.length) return false;
    if (this.#text !== "") this.reusable = false;
    return true;
  }
  /** Reads what ends with the connection. */
  finish(): readonly Answer[] {
    if (this.answers.length < this.#asked.length) this.#readOne(true);
    return this.answers;
  }

  #readOne(closed: boolean): boolean {
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const head = this.#text.slice(0, end);
    const status = Number(head.split(" ")[1]);
    const header = (name: string): string => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
    const rest = this.#text.slice(end + 4);
    if (status < 200) {
      this.#text = rest;
      return true;
    }
    if (header("connection") === "close") this.reusable = false;
    const read = this.#body(rest, status, header, closed);
    if (read === undefined) return false;
    const body = Buffer.from(read.body, "latin1").toString("utf8");
    this.answers.push({ status, type: header("content-type"), body, ...(read.open && { open: read.open }) });
    this.#text = rest.slice(read.taken);
    return true;
  }
  #body(rest: string, status: number, header: (name: string) => string, closed: boolean): Body | undefined {
    const asked = this.#asked[this.answers.length];
    const none = asked?.method === "HEAD" || status === 204 || status === 304;
    if (none) return { body: "", taken: 0 };
    if (header("transfer-encoding") === "chunked") {
      const chunked = readChunks(rest);
      if (chunked.complete) return chunked;
      if (asked?.follows !== true) return undefined;
      this.reusable = false;
      return { ...chunked, open: true };
    }
    const length = header("content-length");
    if (length !== "") return rest.length < Number(length) ? undefined : cut(rest, Number(length));
    this.reusable = false;
    return closed ? cut(rest, rest.length) : undefined;
  }
}
interface Body {
  readonly body: string;
  readonly taken: number;
  readonly open?: true;
}
const cut = (text: string, length: number): Body => ({ body: text.slice(0, length), taken: length });

function readChunks(text: string): Body & { readonly complete: boolean } {
  let body = "";
  for (let at = 0; ;) {
    const line = text.indexOf("\r\n", at);
    const size = line < 0 ? Number.NaN : Number.parseInt(text.slice(at, line), 16);
    if (Number.isNaN(size) || text.length < line + 4 + size) return { body, taken: text.length, complete: false };
    if (size === 0) return { body, taken: line + 4, complete: true };
    body += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}
