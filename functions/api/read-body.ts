import { FanfoldError } from "../core/errors.ts";
import { parseJson } from "../core/json-text.ts";

/** Memory for all bodies that a server reads at once, so that many slow senders cannot fill it. */
export class BodyRoom {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }
  /** Throws `server_busy` when there is no room. */
  take(bytes: number): void {
    if (bytes > this.#left)
      throw new FanfoldError("server_busy", "the server reads as many bodies as it has room for; retry with back-off", {
        retryable: true,
      });
    this.#left -= bytes;
  }
  give(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * Bytes up to which a body with a declared length is read as a whole. Its room is taken before it comes, so it must be
 * little even for as many slow senders as there are connections.
 */
const SMALL_BODY = 16 * 1_024;

/**
 * Reads a body and limits its size while reading. The limit is that of Lambda (6 MB), so that what works on one machine
 * works there too. A declared length that is large only serves to refuse early.
 */
export async function readText(request: Request, maxBytes: number, room: BodyRoom): Promise<string> {
  const declared = Number(request.headers.get("Content-Length") ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (declared > 0 && declared <= SMALL_BODY) return readSmall(request, declared, maxBytes, room);
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const body = new GrowingBytes(room);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(endedEarly);
      if (done) break;
      if (body.length + value.byteLength > maxBytes) throw tooLarge(maxBytes);
      body.add(value);
    }
    return textOf(body.content);
  } catch (error) {
    // Not awaited, because the sender may never react.
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    body.release();
  }
}
/** Reads a body as a whole, which is far less work for a server than a stream of the platform. */
async function readSmall(request: Request, declared: number, maxBytes: number, room: BodyRoom): Promise<string> {
  room.take(declared);
  try {
    const content = await request.arrayBuffer().catch(endedEarly);
    if (content.byteLength > maxBytes) throw tooLarge(maxBytes);
    return textOf(content);
  } finally {
    room.give(declared);
  }
}
function textOf(content: ArrayBuffer | Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (error) {
    throw new FanfoldError("invalid_json", "the body is not UTF-8 text", { cause: error });
  }
}
/**
 * Yields a body as it arrives. A declared length only serves to refuse early; the reader limits what it takes. Holds one
 * piece, so it needs no room.
 */
export function readBytes(request: Request, maxBytes: number): AsyncIterable<Uint8Array> {
  if (Number(request.headers.get("Content-Length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return piecesOf(request.body);
}
async function* piecesOf(body: Request["body"]): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(endedEarly);
      if (done) return;
      yield value;
    }
  } finally {
    // Not awaited, because the sender may never react.
    reader.cancel().catch(() => {});
  }
}
/** The sender has gone, so nobody reads this answer. */
function endedEarly(cause: unknown): never {
  throw new FanfoldError("invalid_request", "the body ended early", { cause });
}

/** Bytes in one piece, because a body may come byte by byte and each piece would take more memory than it holds. */
class GrowingBytes {
  readonly #room: BodyRoom;
  #bytes = Buffer.alloc(0);
  length = 0;

  constructor(room: BodyRoom) {
    this.#room = room;
  }
  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
  add(piece: Uint8Array): void {
    const wanted = this.length + piece.byteLength;
    if (wanted > this.#bytes.byteLength) this.#grow(Math.max(wanted, 2 * this.#bytes.byteLength));
    this.#bytes.set(piece, this.length);
    this.length = wanted;
  }
  release(): void {
    this.#room.give(this.#bytes.byteLength);
  }
  #grow(bytes: number): void {
    this.#room.take(bytes - this.#bytes.byteLength);
    const grown = Buffer.allocUnsafe(bytes);
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}

function tooLarge(maxBytes: number): FanfoldError {
  const megabytes = maxBytes / (1024 * 1024);
  return new FanfoldError(
    "payload_too_large",
    `the body is larger than ${megabytes} MB; pass references, or send the input in pages (POST /jobs?input)`,
    {
      details: { maxBytes },
    },
  );
}

/**
 * Throws `unsupported_media_type` unless the request has one of these types. Parameters such as charset are ignored.
 * The required type also blocks forms of foreign web pages.
 */
export function requireContentType(request: Request, allowed: readonly string[]): void {
  const type = (request.headers.get("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (allowed.includes(type)) return;
  throw new FanfoldError(
    "unsupported_media_type",
    `the body must be sent with Content-Type: ${allowed[0]}${type === "" ? "" : `, not ${type.slice(0, 100)}`}`,
    {
      details: { expected: allowed[0] ?? "" },
    },
  );
}

/** Returns one value per line. Empty lines are skipped. */
export function parseLines(text: string, maxLines: number): unknown[] {
  const values: unknown[] = [];
  let number = 0;
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const to = newline < 0 ? text.length : newline;
    const line = text.slice(from, to).trim();
    from = to + 1;
    number++;
    if (line === "") continue;
    if (values.length === maxLines) {
      throw new FanfoldError(
        "payload_too_large",
        `one request takes at most ${maxLines} lines; send the rest in another`,
        {
          details: { maxItems: maxLines },
        },
      );
    }
    values.push(parseJson(line, `line ${number}`, `/${values.length}`));
  }
  return values;
}
