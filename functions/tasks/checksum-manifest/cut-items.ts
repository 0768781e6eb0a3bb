import type { Buffer } from "node:buffer";
import type { PathObject } from "../../paths/index.ts";
import { CHUNK_BYTES } from "../inventory/cut-chunks.ts";
import { encodePath } from "../inventory/path-text.ts";
import type { Visit } from "../inventory/walk-folder.ts";

/** Items of one run. `kind` is what they are; `reason` says why the walk could not read one. */
export interface CutItems {
  readonly items: readonly PathObject[];
  /** The last path, after which the next items begin. Undefined for the last ones. */
  readonly after: Buffer | undefined;
}

/** Cuts a walk into items of one run each: at most `most`, or CHUNK_BYTES of files. Folders are no items. */
export async function* cutItems(visits: AsyncIterable<Visit>, most: number): AsyncGenerator<CutItems> {
  let items: PathObject[] = [];
  let bytes = 0;
  for await (const visit of visits) {
    const item = itemOf(visit);
    if (!item) continue;
    items.push(item);
    bytes += visit.kind === "file" ? visit.bytes : 0;
    if (items.length < most && bytes < CHUNK_BYTES) continue;
    yield { items, after: visit.path };
    [items, bytes] = [[], 0];
  }
  if (items.length > 0) yield { items, after: undefined };
}
function itemOf(visit: Visit): PathObject | undefined {
  if (visit.kind === "directory" || visit.kind === "left") return undefined;
  const path = encodePath(visit.path);
  if (visit.kind === "file") return { path, kind: visit.kind, size: visit.bytes };
  return { path, kind: visit.kind, ...(visit.kind === "failure" && { reason: visit.reason }) };
}
