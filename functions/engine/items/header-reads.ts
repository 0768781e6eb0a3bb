import { scopesOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { asHeader, type Header, headerKey } from "../item-kinds.ts";

/** Reads a group header consistently. One read unit. */
export async function readHeader(context: Context, gid: string): Promise<Header | undefined> {
  return asHeader(await context.store.get(headerKey(gid), { consistent: true }));
}
/** Reads headers consistently, in the order of `gids`. An entry is undefined when there is no such header. */
export async function readHeaders(context: Context, gids: readonly string[]): Promise<(Header | undefined)[]> {
  const headers: (Header | undefined)[] = [];
  for (let from = 0; from < gids.length; from += 100) {
    const items = await context.store.getMany(gids.slice(from, from + 100).map(headerKey));
    headers.push(...items.map(asHeader));
  }
  return headers;
}
/** Whether a group, or one above it, has decided or was collected. */
export async function decidedAbove(context: Context, gid: string): Promise<boolean> {
  return (await readHeaders(context, scopesOf(gid))).some((header) => !header || header.outcome !== undefined);
}
