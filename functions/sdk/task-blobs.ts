import { type BlobRef, sha256Of } from "../core/blob-ref.ts";
import { FanfoldError } from "../core/errors.ts";
import type { RunServices } from "../core/task/invocation.ts";

/** What a blob can be made of: text is stored as UTF-8. A stream is stored as it comes. */
export type BlobContent = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** Options of `ctx.blobs.put`. */
export interface PutBlobOptions {
  /** Media type, at most 200 characters. Default `application/octet-stream`. It is kept in the reference only. */
  readonly type?: string;
}

/**
 * Large content of any kind, which neither the engine nor a task ever has to hold as a whole. A reference travels in its
 * place: as an argument, in a result, in an event.
 */
export interface TaskBlobs {
  /**
   * Stores content under its SHA-256, and returns a reference to it. Equal content is one blob, whoever puts it, so a
   * put may be repeated. The blob stays at least as long as the job. Nothing is stored when a stream throws. A put is not
   * undone when the attempt fails.
   * @param content at most 5 GiB. A stream (any async iterable: a generator, a Node stream, a web stream) is read as
   *   fast as it can be stored
   * @throws FanfoldError `payload_too_large`, `disk_full` (retryable), `invalid_request`; and what the stream throws
   * @example const report = await ctx.blobs.put(lines(), { type: "text/csv" }); // an async generator of lines
   */
  put(content: BlobContent, options?: PutBlobOptions): Promise<BlobRef>;
  /**
   * Opens a blob as a stream of bytes, and keeps the blob at least as long as the job. It is read only as fast as it is
   * asked for.
   * @param blob a reference, or the SHA-256 of the content in hex
   * @throws FanfoldError `blob_not_found`, which ends the run unless it is caught; `invalid_request`
   * @example const order = (await new Response(await ctx.blobs.open(ref)).json()) as Order;
   * @example for await (const bytes of await ctx.blobs.open(ref)) hash.update(bytes);
   */
  open(blob: BlobRef | string): Promise<ReadableStream<Uint8Array>>;
}

/** Returns the blobs of one attempt. */
export function createBlobs(services: Pick<RunServices, "putBlob" | "openBlob">): TaskBlobs {
  return {
    put: async (content, { type } = {}) => services.putBlob(bytesOf(content), type),
    open: async (blob) => ReadableStream.from(await services.openBlob(sha256Of(blob))),
  };
}

/** Yields content as bytes. Throws `invalid_request` for what is no content. */
function bytesOf(content: BlobContent): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof content === "string" || content instanceof Uint8Array) return encoded([content]);
  if (typeof content === "object" && content !== null && Symbol.asyncIterator in content) return encoded(content);
  throw invalid("a blob is made of a string, a Uint8Array, or a stream of them (an async iterable)");
}
async function* encoded(
  pieces: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else if (typeof piece === "string") yield encoder.encode(piece);
    else throw invalid("the stream of a blob yields strings or Uint8Arrays; turn other values into text, such as JSON");
  }
}
function invalid(message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field: "content" } });
}
