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
/**
 * Whether a group, or one above it, has decided or was collected in the round of what lies below. So a decision ends all
 * that is below it for good, even when it is taken back by a retry before anybody below has met it.
 */
export async function decidedAbove(context: Context, gid: string, round?: number): Promise<boolean> {
  return areOver(await readHeaders(context, scopesOf(gid)), round);
}

/**
 * Whether nothing may start any more in a group, by its header and those above it, innermost first: one of them has
 * decided, was collected, or is of an earlier round than one above it. Then something above it has decided and was opened
 * again since, and the group has not. `round` is that of what lies below the first header.
 */
export function areOver(headers: readonly (Header | undefined)[], round = Number.POSITIVE_INFINITY): boolean {
  let below = round;
  for (const header of headers) {
    if (!header || header.outcome !== undefined || header.round > below) return true;
    below = header.round;
  }
  return false;
}
