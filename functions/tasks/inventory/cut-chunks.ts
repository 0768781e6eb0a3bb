import type { Buffer } from "node:buffer";
import type { Chunk, Failure, Totals } from "./chunk.ts";
import { encodePath } from "./path-text.ts";
import type { Visit } from "./walk-folder.ts";

/** A chunk, and where the next one begins. */
export interface CutChunk {
  readonly chunk: Chunk;
  /** The last path of the chunk, after which the next chunk begins. Undefined for the last chunk. */
  readonly after: Buffer | undefined;
}

/** Bytes of files in a chunk. A digest that is lost half way costs at most this much to repeat. */
export const CHUNK_BYTES = 64 * 1024 * 1024;
const CHUNK_FAILURES = 256;
/**
 * Entries of the walk in a chunk. Directories, links and special files need no digest, but a later attempt should not
 * have to walk them again.
 */
const CHUNK_VISITS = 10_000;

/** Cuts a walk into chunks. The cuts depend on the folder only, wherever the walk started. */
export async function* cutChunks(
  visits: AsyncIterable<Visit>,
  before: Totals,
  mostFiles: number,
): AsyncGenerator<CutChunk, void, undefined> {
  const totals = { ...before };
  let files: string[] = [];
  let failures: Failure[] = [];
  let bytes = 0;
  let visited = 0;
  for await (const visit of visits) {
    if (visit.kind !== "left") visited++;
    if (visit.kind === "file") {
      totals.files++;
      files.push(encodePath(visit.path));
      bytes += visit.bytes;
    } else if (visit.kind === "failure") {
      totals.failures++;
      failures.push([visit.path.length === 0 ? "." : encodePath(visit.path), visit.reason]);
    } else if (visit.kind !== "left") totals[COUNTED[visit.kind]]++;
    const full =
      files.length >= mostFiles || bytes >= CHUNK_BYTES || failures.length >= CHUNK_FAILURES || visited >= CHUNK_VISITS;
    if (!full || visit.kind === "directory") continue;
    yield { chunk: { files, failures, totals: { ...totals } }, after: visit.path };
    [files, failures, bytes, visited] = [[], [], 0, 0];
  }
  if (visited > 0) yield { chunk: { files, failures, totals }, after: undefined };
}
const COUNTED = { directory: "directories", link: "links", special: "special" } as const;
