import { type BlobRef, DEFAULT_BLOB_TYPE, sha256Of } from "../core/blob-ref.ts";
import { FanfoldError } from "../core/errors.ts";
import { Sha256 } from "../core/sha256.ts";
import { ask, type ClientOptions } from "./transport.ts";

/**
 * What a blob can be made of. A `Blob` is read as it is sent; `openAsBlob` of `node:fs` makes one of a file. A stream can
 * be sent once, so a deployment on AWS, which must know its SHA-256 first, refuses it.
 */
export type BlobContent = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>;

/** Options of `blobs.put`. */
export interface PutBlobOptions {
  /** Media type, at most 200 characters. Default: that of a `Blob`, else `application/octet-stream`. */
  readonly type?: string;
  /** Ends the call when it aborts. Nothing is stored then. */
  readonly signal?: AbortSignal;
}

/** Large content, which a reference stands for in arguments and results. */
export interface Blobs {
  /**
   * Stores content under its SHA-256, and returns a reference to it. Equal content is one blob, so a put may be repeated.
   * It is kept for the retention of the deployment (7 days by default), and at least as long as any job that has its
   * reference.
   * @param content at most 5 GiB
   * @throws FanfoldError `payload_too_large`, `blob_mismatch`, `disk_full`, `invalid_request`
   * @example const ref = await client.blobs.put(await openAsBlob("photos.tar"), { type: "application/x-tar" });
   */
  put(content: BlobContent, options?: PutBlobOptions): Promise<BlobRef>;
  /**
   * Returns the content of a blob as a stream of bytes.
   * @param blob a reference, or the SHA-256 of the content in hex
   * @throws FanfoldError `blob_not_found`, `invalid_request`
   * @example const text = await new Response(await client.blobs.open(ref)).text();
   */
  open(blob: BlobRef | string, options?: Pick<PutBlobOptions, "signal">): Promise<ReadableStream<Uint8Array>>;
}

interface Upload {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
}
interface UploadPlan {
  readonly blob?: BlobRef;
  readonly upload?: Upload;
}

/** Returns the calls that send and fetch blobs. */
export function blobCalls(options: ClientOptions): Blobs {
  return {
    async put(content, { type, signal } = {}) {
      const named = type ?? (content instanceof Blob && content.type !== "" ? content.type : undefined);
      const body = content instanceof ReadableStream ? content : blobOf(content);
      const plan = (about: object): Promise<UploadPlan> => planUpload(options, { type: named, ...about }, signal);
      const first = await plan({}).catch((error: unknown) => {
        if (!(body instanceof ReadableStream) && wantsHash(error)) return undefined;
        throw error;
      });
      if (first?.upload) return (await send(options, first.upload, body, signal)).json() as Promise<BlobRef>;
      const known = await hashOf(body as Blob, signal);
      const { upload } = await plan({ sha256: known.sha256, bytes: known.bytes });
      if (upload) await send(options, upload, body, signal);
      return { $blob: known.sha256, bytes: known.bytes, type: named ?? DEFAULT_BLOB_TYPE };
    },
    async open(blob, { signal } = {}) {
      const read = signal && { signal };
      const response = await ask(options, `/blobs/${sha256Of(blob)}`, { query: { link: true }, ...read });
      if (response.headers.get("Content-Type") !== "application/json") return bodyOf(response);
      const { url } = (await response.json()) as { readonly url: string };
      return bodyOf(await ask(options, url, { ...read }));
    },
  };
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  return response.body ?? new Blob([]).stream();
}
function blobOf(content: string | Uint8Array<ArrayBuffer> | Blob): Blob {
  if (content instanceof Blob) return content;
  if (typeof content === "string" || content instanceof Uint8Array) return new Blob([content]);
  throw new FanfoldError("invalid_request", "a blob is made of a string, a Uint8Array, a Blob or a ReadableStream", {
    details: { field: "content" },
  });
}
async function planUpload(options: ClientOptions, json: object, signal: AbortSignal | undefined): Promise<UploadPlan> {
  const response = await ask(options, "/blobs", { method: "POST", json, ...(signal && { signal }) });
  return (await response.json()) as UploadPlan;
}
/** Returns whether the server answered that it has to know the content before it comes. */
function wantsHash(error: unknown): boolean {
  return error instanceof FanfoldError && error.code === "invalid_request" && error.details["field"] === "/sha256";
}
async function hashOf(content: Blob, signal: AbortSignal | undefined): Promise<{ sha256: string; bytes: number }> {
  const hash = new Sha256();
  for await (const piece of content.stream()) {
    signal?.throwIfAborted();
    hash.update(piece);
  }
  return { sha256: hash.digest(), bytes: content.size };
}
/** Sends content. An answer of S3 is no problem document, so it is read from its status. */
async function send(
  options: ClientOptions,
  { url, headers }: Upload,
  body: Blob | ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  return ask(options, url, { method: "PUT", body, headers, ...(signal && { signal }) }).catch((error: unknown) => {
    if (url.startsWith("/") || !(error instanceof FanfoldError) || error.code !== "internal") throw error;
    const status = Number(error.details["status"]);
    if (status === 400)
      throw new FanfoldError("blob_mismatch", "the content changed while it was sent; send it again", {
        retryable: true,
        cause: error,
      });
    throw new FanfoldError("engine_unavailable", `S3 refused the content with status ${status}; send it again`, {
      retryable: true,
      details: error.details,
      cause: error,
    });
  });
}
