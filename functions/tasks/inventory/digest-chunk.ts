import type { Chunk, ChunkResult, Digested, Failure } from "./chunk.ts";
import type { FileDigest } from "./digest-file.ts";
import { decodePath } from "./path-text.ts";
import type { Source } from "./source-types.ts";

/** Several, because reading waits; few, because a worker digests many chunks at once. */
const FILES_AT_ONCE = 4;

/** Digests the files of a chunk. What a file does is data; only an abort, or a shortage of the process, throws. */
export async function digestChunk(source: Source, chunk: Chunk, signal: AbortSignal): Promise<ChunkResult> {
  const digests: FileDigest[] = [];
  let next = 0;
  const digestNext = async (): Promise<void> => {
    try {
      for (let at = next++; at < chunk.files.length; at = next++) digests[at] = await source.digest(decodePath(chunk.files[at] ?? ""), signal);
    } catch (error) {
      // This attempt is over: the others of it need not go on.
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
