import type { Buffer } from "node:buffer";
import { expandPaths, type PathObject, type PathPayload, type PathSource } from "../../paths/index.ts";
import { TaskError, type ResultEntry } from "../../sdk/index.ts";
import { decodePath } from "../inventory/path-text.ts";

/** One item of the walk, and what became of it. */
export interface Found {
  readonly path: Buffer;
  /** Present for a file that was read. */
  readonly digest?: string;
  readonly bytes?: number;
  /** It could not be read. Of a folder: nor could anything in it. */
  readonly unreadable?: true;
}

/**
 * Yields all items in the order of the walk, from the results of the runs that have read them. Items that a run received
 * and did not hand over could not be read.
 * @throws TaskError `chunk_lost` when a run gave no result
 */
export async function* foundFiles(results: AsyncIterable<ResultEntry>, signal: AbortSignal): AsyncGenerator<Found> {
  for await (const { index, status, value, error } of results) {
    signal.throwIfAborted();
    if (status !== "success")
      throw new TaskError(`files are missing, because chunk ${index} has ended as ${error?.reason ?? status}`, {
        retryable: false,
        reason: "chunk_lost",
      });
    const payload = value as unknown as PathPayload;
    const read = new Map<string, PathObject>();
    for await (const item of expandPaths(payload.paths as PathSource)) read.set(item.path, item);
    for (const { path } of payload.status.input_paths) yield foundOf(path, read.get(path));
  }
}
function foundOf(text: string, item: PathObject | undefined): Found {
  const path = decodePath(text);
  if (!item) return { path, unreadable: true };
  const { digest, size } = item;
  return typeof digest === "string" ? { path, digest, bytes: size ?? 0 } : { path };
}
