import { type BlobRef, blobsIn, blobTypeOf, isSha256, mayHoldBlobs } from "../../core/blob-ref.ts";
import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type OpenBlob, PortError, type Ports } from "../ports.ts";

/**
 * Blobs that people put (docs/protocol-rules.md, section 17). They are named by their content and belong to no job, so
 * whatever brings a reference into a job keeps its blob as long as the items of the job: plan pages, answers, events,
 * and what an attempt is called with, puts or opens.
 */
type BlobPort = Pick<Ports, "blobs">;

/** What may be said about content that is put. */
export interface PutBlobOptions {
  /** Media type. Default `application/octet-stream`. */
  readonly type?: string | undefined;
  /** SHA-256 that the content must have. */
  readonly sha256?: string | undefined;
}

/** Returns until when a blob is kept that no job uses. In seconds since the epoch. */
export function freshUntil({ clock, config }: Pick<Context, "clock" | "config">): number {
  return Math.ceil(clock.now() / 1_000) + config.retentionSeconds;
}

/**
 * Stores content until `until` (seconds since the epoch) at least. Throws `payload_too_large`, `blob_mismatch`,
 * `disk_full`, `invalid_request`.
 */
export async function putBlob(
  { blobs }: BlobPort,
  content: AsyncIterable<Uint8Array>,
  until: number,
  { type, sha256 }: PutBlobOptions = {},
): Promise<BlobRef> {
  const named = blobTypeOf(type, "/type");
  const stored = await told(blobs.store(inPieces(content), until, sha256));
  return { $blob: stored.sha256, bytes: stored.bytes, type: named };
}
/** Opens a blob, and keeps it until `until` at least where that is given. Throws `blob_not_found`. */
export async function openBlob({ blobs }: BlobPort, sha256: string, until?: number): Promise<OpenBlob> {
  if (until !== undefined) await told(blobs.keep(sha256, until));
  const opened = await told(blobs.open(sha256));
  if (opened) return opened;
  throw new FanfoldError(
    "blob_not_found",
    `there is no blob ${sha256}: it was never put here, or nothing has used it for longer than it is kept; put it again`,
    { details: { blob: sha256 } },
  );
}

/** Keeps all blobs that a JSON text refers to. Missing ones are left to the runs that are given them. */
export async function keepBlobsOf(ports: BlobPort, text: string, until: number): Promise<void> {
  if (mayHoldBlobs(text)) await keepBlobs(ports, JSON.parse(text) as Json, until);
}
/** Keeps all blobs that a value refers to. */
export async function keepBlobs({ blobs }: BlobPort, value: Json, until: number): Promise<void> {
  const named = new Set([...blobsIn(value)].filter(isSha256));
  await eachBounded(named, KEPT_AT_ONCE, async (sha256) => void (await blobs.keep(sha256, until)));
}
/**
 * Keeps the blobs that the input of a run refers to. Returns what names a missing one, if any. Looks at the first
 * `checkedBlobs` only: the others are looked up when they are opened.
 */
export async function missingBlob(
  { blobs }: BlobPort,
  input: readonly unknown[],
  until: number,
): Promise<{ readonly name: string } | undefined> {
  const named = new Set<unknown>();
  for (const name of blobsIn(input)) {
    if (!isSha256(name)) return { name: JSON.stringify(name)?.slice(0, 100) ?? "" };
    if (named.add(name).size >= LIMITS.checkedBlobs) break;
  }
  let missing: { readonly name: string } | undefined;
  await eachBounded(named as ReadonlySet<string>, KEPT_AT_ONCE, async (sha256) => {
    if ((await blobs.keep(sha256, until)) === undefined) missing ??= { name: sha256 };
  });
  return missing;
}
const KEPT_AT_ONCE = 16;

/** Bytes of a piece. Smaller pieces, such as lines, would cost more than what they hold. */
const PIECE_BYTES = 256 * 1_024;
/** Yields the content in pieces of a useful size. Throws `payload_too_large` above the size of one blob. */
async function* inPieces(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  let bytes = 0;
  for await (const part of content) {
    bytes += part.byteLength;
    if (bytes > LIMITS.blobBytes) throw tooLarge();
    if (filled + part.byteLength > PIECE_BYTES && filled > 0) {
      yield piece.subarray(0, filled);
      piece = new Uint8Array(PIECE_BYTES);
      filled = 0;
    }
    if (part.byteLength >= PIECE_BYTES) yield part;
    else {
      piece.set(part, filled);
      filled += part.byteLength;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
function tooLarge(): FanfoldError {
  return new FanfoldError(
    "payload_too_large",
    `a blob has at most ${LIMITS.blobBytes} bytes: put it in parts, or keep it in storage of your own and pass where it is`,
    { details: { limit: LIMITS.blobBytes } },
  );
}

/** Throws the error that says what to do in place of a failure of the port. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    const { cause } = error;
    if (cause instanceof FanfoldError)
      throw new FanfoldError(cause.code, cause.message, { details: cause.details, retryable: true, cause: error });
    throw new FanfoldError("engine_unavailable", "the storage of blobs cannot be reached at the moment; try again", {
      retryable: true,
      cause: error,
    });
  }
}
