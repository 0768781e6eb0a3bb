import { FanfoldError } from "../core/errors.ts";

/** Lines are gathered to this size before they are written: a chunk per line would cost more than the line. */
const CHUNK_CHARACTERS = 32 * 1024;

export interface BoundedOptions {
  /** The answer may take so many bytes as a JSON string; it carries all it holds in one piece. */
  readonly bytes: number;
  /** Of the first value: its place in the whole stream. */
  readonly from: number;
}
/**
 * As many lines as fit, for transports that carry an answer in one piece. When there are more, `Link: <?from=N>; rel="next"` names the rest. Throws
 * `payload_too_large` for a value that fits into no answer.
 */
export async function boundedResponse(values: AsyncIterable<unknown>, { bytes, from }: BoundedOptions): Promise<Response> {
  const headers = new Headers({ "Content-Type": "application/x-ndjson" });
  const lines: string[] = [];
  let left = bytes;
  for await (const value of values) {
    if (value === KEEP_ALIVE) continue;
    const line = `${JSON.stringify(value)}\n`;
    left -= Buffer.byteLength(JSON.stringify(line)) - 2;
    if (left < 0 && lines.length === 0)
      throw new FanfoldError(
        "payload_too_large",
        `entry ${from} is larger than the ${bytes} bytes that an answer may have; let tasks store such values and return where`,
        {
          details: { index: from, maxBytes: bytes },
        },
      );
    if (left < 0) {
      headers.set("Link", `<?from=${from + lines.length}>; rel="next"`);
      break;
    }
    lines.push(line);
  }
  return new Response(lines.join(""), { headers });
}

export interface NdjsonOptions {
  /** `true`: each value is written as soon as it comes, for streams that somebody watches. */
  readonly live?: boolean;
}

/**
 * A response of one JSON document per line. Nothing is asked of `values` before the reader is ready for more, so a slow reader holds
 * the source and costs no memory. A reader that goes away ends the source. An error before the first value is thrown here, while it can
 * still become problem details; a later one breaks the connection, so that the reader cannot take half for the whole.
 */
export async function ndjsonResponse(values: AsyncIterable<unknown>, options: NdjsonOptions = {}): Promise<Response> {
  const source = values[Symbol.asyncIterator]();
  let next: IteratorResult<unknown> | undefined = options.live ? undefined : await source.next();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let text = "";
        do {
          const { done, value } = next ?? (await source.next());
          next = undefined;
          if (done) {
            if (text !== "") controller.enqueue(encoder.encode(text));
            controller.close();
            return;
          }
          text += value === KEEP_ALIVE ? "\n" : `${JSON.stringify(value)}\n`;
        } while (!options.live && text.length < CHUNK_CHARACTERS);
        controller.enqueue(encoder.encode(text));
      },
      async cancel() {
        await source.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "Content-Type": "application/x-ndjson" } });
}

/** An empty line: shows both ends of a quiet stream that the other is still there. Readers skip it. */
export const KEEP_ALIVE = Symbol("keep-alive");
