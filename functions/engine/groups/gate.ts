import { isIdentity, scopesOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { areOver, readHeaders } from "../items/header-reads.ts";
import { isPaused } from "../items/pause-items.ts";

/**
 * Whether runs of a group may still start. `gone`: the group was collected or never created. `decided`: it, or a group
 * above it, has an outcome, or one above was opened again since it had one.
 */
export type Gate =
  | { readonly kind: "go"; readonly header: Header }
  | { readonly kind: "gone" }
  | { readonly kind: "decided"; readonly header: Header };

/**
 * Reads the header of a group and every header above it consistently, in one call. The id contains the ids of all
 * groups above.
 */
export async function readGate(context: Context, gid: string): Promise<Gate> {
  const now = context.clock.now();
  return gateBy(context, gid, await readHeaders(context, scopesOf(gid)), now);
}
/** Returns the gate of a group by its header and those above it, as they were read at this time or later. */
function gateBy(context: Context, gid: string, headers: readonly (Header | undefined)[], now: number): Gate {
  if (!headers[0]) return { kind: "gone" };
  const header = withRootMarks(headers.at(-1), headers[0]);
  if (areOver(headers)) return { kind: "decided", header };
  // The cache may only say that runs start. So a resumed job goes on at once. A round of an identity may begin at any
  // time, and changes its header.
  if (!isPaused(header) && !isIdentity(gid)) context.gates.remember(gid, header, now);
  return { kind: "go", header };
}
/** Returns the header with the revoked stamps and the pause of the root, because they hold for all groups of a job. */
export function withRootMarks(root: Header | undefined, header: Header): Header {
  if (!root || (root.revokedStamps === undefined && root.pause === undefined)) return header;
  const { revokedStamps, pause, resuming } = root;
  return {
    ...header,
    ...(revokedStamps && { revokedStamps }),
    ...(pause !== undefined && { pause }),
    ...(resuming && { resuming }),
  };
}
/** Returns the gate of a group, from the cache when that says "go". Any other answer needs the consistent read. */
export async function gateOf(context: Context, gid: string): Promise<Gate> {
  const cached = context.gates.recall(gid, context.clock.now() - context.config.headerCacheMs);
  return cached ? { kind: "go", header: cached } : readGate(context, gid);
}
/** Returns the gates of groups that have none above them, in the order of `gids`. One read serves all. */
export async function gatesOfRoots(context: Context, gids: readonly string[]): Promise<readonly Gate[]> {
  const now = context.clock.now();
  const cached = gids.map((gid) => context.gates.recall(gid, now - context.config.headerCacheMs));
  const read = (
    await readHeaders(
      context,
      gids.filter((_, k) => !cached[k]),
    )
  ).values();
  return gids.map((gid, k) => {
    const header = cached[k];
    return header ? { kind: "go", header } : gateBy(context, gid, [read.next().value], now);
  });
}

/** Remembers headers that were read as open, with all groups above them open. */
export class GateCache {
  readonly #seen = new Map<string, { header: Header; at: number }>();

  remember(gid: string, header: Header, now: number): void {
    if (this.#seen.size >= 4_096) this.#seen.clear();
    this.#seen.set(gid, { header, at: now });
  }
  recall(gid: string, notBefore: number): Header | undefined {
    const seen = this.#seen.get(gid);
    return seen && seen.at > notBefore ? seen.header : undefined;
  }
}
