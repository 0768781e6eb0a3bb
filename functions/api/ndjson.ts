/** Lines are gathered to this size before they are written: a chunk per line would cost more than the line. */
const CHUNK_CHARACTERS = 32 * 1024;

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
