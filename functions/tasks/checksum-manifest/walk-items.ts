import type { PathObject } from "../../paths/index.ts";
import { encodePath } from "../inventory/path-text.ts";
import type { Visit } from "../inventory/walk-folder.ts";

/**
 * Yields what a walk has found as items. `kind` is what they are; `reason` says why the walk could not read one. Folders
 * are no items.
 */
export async function* itemsOf(visits: AsyncIterable<Visit>): AsyncGenerator<PathObject> {
  for await (const visit of visits) {
    if (visit.kind === "directory" || visit.kind === "left") continue;
    const path = encodePath(visit.path);
    if (visit.kind === "file") yield { path, kind: visit.kind, size: visit.bytes };
    else yield { path, kind: visit.kind, ...(visit.kind === "failure" && { reason: visit.reason }) };
  }
}
