import { scopesOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { readHeaders } from "../items/header-reads.ts";

/** May runs of this group still start? `gone`: collected or never created; `decided`: it, or a group above it, has an outcome. */
export type Gate = { readonly kind: "go"; readonly header: Header } | { readonly kind: "gone" } | { readonly kind: "decided"; readonly header: Header };

/** Consistent: one read of the header and of every header above it, whose names the id tells. */
export async function readGate(context: Context, gid: string): Promise<Gate> {
  const headers = await readHeaders(context, scopesOf(gid));
  if (!headers[0]) return { kind: "gone" };
  const header = withStampsOf(headers.at(-1), headers[0]);
  if (headers.some((above) => !above || above.outcome)) return { kind: "decided", header };
  context.gates.remember(gid, header, context.clock.now());
  return { kind: "go", header };
}
/** What the root says of stamps holds for all groups of its job. */
export function withStampsOf(root: Header | undefined, header: Header): Header {
  return root?.revokedStamps === undefined ? header : { ...header, revokedStamps: root.revokedStamps };
}
/** The cache may only say "go"; anything else needs the consistent read. */
export async function gateOf(context: Context, gid: string): Promise<Gate> {
  const cached = context.gates.recall(gid, context.clock.now() - context.config.headerCacheMs);
  return cached ? { kind: "go", header: cached } : readGate(context, gid);
}
export async function decidedAbove(context: Context, gid: string): Promise<boolean> {
  return (await readHeaders(context, scopesOf(gid))).some((header) => !header || header.outcome !== undefined);
}

/** Headers seen open, with everything above them open, a short while ago. */
export class GateCache {
  readonly #seen = new Map<string, { header: Header; at: number }>();

  remember(gid: string, header: Header, now: number): void {
    if (this.#seen.size >= 4_096) this.#seen.clear();
    this.#seen.set(gid, { header, at: now });
  }
  recall(gid: string, notBefore: number): Header | undefined {
    const seen = this.#seen.get(gid);
    return seen && seen.at >= notBefore ? seen.header : undefined;
  }
}
