import type { Chunk, ChunkResult, Digested, Failure } from "./chunk.ts";
import type { FileDigest } from "./digest-file.ts";
import { decodePath } from "./path-text.ts";
import type { Source } from "./source-types.ts";

/**
 * Files that are read at the same time: several, because reads wait; few, because a worker digests many chunks at once.
 */
const FILES_AT_ONCE = 4;

/**
 * Digests the files of a chunk. A failure of a file is data. Throws only when aborted, or when the process is short of
 * resources.
 */
export async function digestChunk(source: Source, chunk: Chunk, signal: AbortSignal): Promise<ChunkResult> {
  const digests: FileDigest[] = [];
  let next = 0;
  const digestNext = async (): Promise<void> => {
    try {
      for (let at = next++; at < chunk.files.length; at = next++)
        digests[at] = await source.digest(decodePath(chunk.files[at] ?? ""), signal);
    } catch (error) {
      // The attempt has failed, so the other readers stop.
      next = chunk.files.length;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, digestNext));
  const files: Digested[] = [];
  const failures: Failure[] = [...chunk.failures];
  for (const [at, path] of chunk.files.entries()) {
    const digest = digests[at];
    if (digest !== undefined && "sha256" in digest) files.push([path, digest.bytes, digest.sha256]);
    else failures.push([path, digest?.reason ?? "lost"]);
  }
  return { files, failures, totals: chunk.totals };
}
