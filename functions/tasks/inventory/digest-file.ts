import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, type FileHandle } from "node:fs/promises";
import { fsReason } from "./fs-reason.ts";

/** Size in bytes and SHA-256 of a file, or the reason why there is none. */
export type FileDigest = { readonly bytes: number; readonly sha256: string } | { readonly reason: string };

/**
 * The name may refer to another file by now. These flags never follow a link, never wait for the writer of a fifo, and
 * never take over a terminal.
 */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const BUFFER_BYTES = 256 * 1024;

/** Size in bytes of a file and its digest by some algorithm, or the reason why there is none. */
export type HashedFile = { readonly bytes: number; readonly digest: string } | { readonly reason: string };

/** Returns the size and SHA-256 of a regular file, as `hashFile` does. */
export async function digestFile(path: Buffer, signal: AbortSignal): Promise<FileDigest> {
  const found = await hashFile(path, "sha256", signal);
  return "digest" in found ? { bytes: found.bytes, sha256: found.digest } : found;
}
/**
 * Returns the size and the digest of a regular file, or the reason why there is none. Memory is bounded for any size.
 * Throws only when aborted, or when the process is short of resources.
 */
export async function hashFile(path: Buffer, algorithm: string, signal: AbortSignal): Promise<HashedFile> {
  signal.throwIfAborted();
  let file: FileHandle | undefined;
  try {
    // Opening a device can have effects, so the type is checked before.
    if (!(await lstat(path)).isFile()) return { reason: "not_a_file" };
    file = await open(path, FLAGS);
    return await hashOpen(file, algorithm, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { reason: fsReason(error) };
  } finally {
    await file?.close();
  }
}

async function hashOpen(file: FileHandle, algorithm: string, signal: AbortSignal): Promise<HashedFile> {
  const before = await file.stat();
  if (!before.isFile()) return { reason: "not_a_file" };
  const hash = createHash(algorithm);
  // One byte more than the size, so that a single read shows whether the file ends where it should.
  const buffer = Buffer.allocUnsafe(Math.min(before.size + 1, BUFFER_BYTES));
  let bytes = 0;
  let pieces = 0;
  for (let atEnd = false; !atEnd; pieces++) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    hash.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
    if (bytes > before.size) return { reason: "changed" };
    atEnd = bytesRead === 0 || (bytes === before.size && bytesRead < buffer.length);
  }
  if (bytes !== before.size) return { reason: "changed" };
  // A file that was read in pieces may mix two versions.
  if (pieces > 1 && (await wasChanged(file, before))) return { reason: "changed" };
  return { bytes, digest: hash.digest("hex") };
}
async function wasChanged(
  file: FileHandle,
  before: { readonly size: number; readonly mtimeMs: number },
): Promise<boolean> {
  const after = await file.stat();
  return after.size !== before.size || after.mtimeMs !== before.mtimeMs;
}
