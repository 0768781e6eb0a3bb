import { FanfoldError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** A reference to a blob: what travels in arguments, results and events in place of its content. */
export interface BlobRef {
  /** SHA-256 of the content, as 64 lower-case hex digits. It alone says which blob is meant. */
  readonly $blob: string;
  /** Size of the content in bytes. */
  readonly bytes: number;
  /** Media type, as whoever put the blob named it. It belongs to the reference, not to the content. */
  readonly type: string;
}

/** Media type of a blob whose putter named none. */
export const DEFAULT_BLOB_TYPE = "application/octet-stream";
const SHA256 = /^[0-9a-f]{64}$/;
/** A media type with parameters, in printable characters. */
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(?:\s*;[\x20-\x7e]*)?$/;
const MARK = "$blob";

/** Returns whether the text is a SHA-256 in the form that references have. */
export function isSha256(value: unknown): value is string {
  return typeof value === "string" && SHA256.test(value);
}
/** Returns the SHA-256 that a reference names, or the one given. Throws `invalid_request`. */
export function sha256Of(blob: string | Pick<BlobRef, "$blob">, field = ""): string {
  const sha256 = typeof blob === "object" && blob !== null ? blob.$blob : blob;
  if (isSha256(sha256)) return sha256;
  throw new FanfoldError(
    "invalid_request",
    'a blob is named by its SHA-256 (64 lower-case hex digits), or by a reference { "$blob": <SHA-256>, bytes, type }',
    { details: { field } },
  );
}
/** Returns the media type, or the default for none. Throws `invalid_request`. */
export function blobTypeOf(type: string | undefined, field: string): string {
  if (type === undefined) return DEFAULT_BLOB_TYPE;
  if (typeof type === "string" && type.length <= LIMITS.blobTypeCharacters && MEDIA_TYPE.test(type)) return type;
  throw new FanfoldError(
    "invalid_request",
    `the type of a blob is a media type such as text/csv, of at most ${LIMITS.blobTypeCharacters} characters`,
    { details: { field } },
  );
}

/**
 * Yields what every reference in a JSON value names. An object is a reference when it has the key `$blob`, whatever
 * stands there: what is no SHA-256 names a blob that cannot exist.
 */
export function* blobsIn(value: unknown): Generator<unknown, void, undefined> {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, MARK)) yield (value as { readonly [MARK]: unknown })[MARK];
  else for (const part of Array.isArray(value) ? value : Object.values(value)) yield* blobsIn(part);
}
/** Returns whether there is any reference in a JSON value. */
export function hasBlobs(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasBlobs);
  return Object.hasOwn(value, MARK) || Object.values(value).some(hasBlobs);
}
/** Returns whether a JSON text may hold a reference. Cheap, because most texts hold none. */
export function mayHoldBlobs(text: string): boolean {
  return text.includes(`"${MARK}"`);
}

/** Throws `blob_mismatch` unless content has the SHA-256 that was announced, if one was. */
export function requireSha256(found: string, announced: string | undefined): void {
  if (announced === undefined || found === announced) return;
  throw new FanfoldError(
    "blob_mismatch",
    "the content is not what its SHA-256 announced: it was changed or cut on its way; send it again",
    { details: { announced, found }, retryable: true },
  );
}
