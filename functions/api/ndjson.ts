import { FanfoldError } from "../core/errors.ts";

/** Characters of lines that are written as one chunk. A chunk per line would cost more than the line. */
const CHUNK_CHARACTERS = 32 * 1024;

/** Limits of one part of a stream. */
export interface BoundedOptions {
  /** Largest size of the answer in bytes, encoded as a JSON string. */
  readonly bytes: number;
  /** Index of the first value in the whole stream. */
  readonly from: number;
}
/**
 * Returns as many lines as fit, for transports that send an answer in one piece. When more values follow,
 * `Link: <?from=N>; rel="next"` names the next part. Throws `payload_too_large` for a value that fits into no answer.
 */
export async function boundedResponse(
  values: AsyncIterable<unknown>,
  { bytes, from }: BoundedOptions,
): Promise<Response> {
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
  /** `true` writes each value as soon as it arrives, for streams that are watched. */
  readonly live?: boolean;
}

/**
 * Returns a response with one JSON document per line. It pulls a value only when the reader is ready, so a slow reader
 * holds back the source and costs no memory. A reader that disconnects ends the source.
 *
 * An error before the first value is thrown here, so that it still becomes problem details. A later error breaks the
 * connection, so that the reader cannot take a part for the whole.
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

/** Stands for an empty line, which shows both ends of a quiet stream that the connection is alive. Readers skip it. */
export const KEEP_ALIVE = Symbol("keep-alive");
