import type { Header } from "../../functions/engine/item-kinds.ts";
import { isHeader, type Variant } from "./variant-parts.ts";

/**
 * Returns what is wrong with the expiry of a header. It comes with the outcome and goes with it, so a group that goes on
 * never expires. `now` is the time of the writer, which may have read its clock long before the write.
 */
export function wrongExpiry(
  before: Header | undefined,
  { outcome, ttlSeconds, expiresAt }: Header,
  now: number,
): string | undefined {
  if (expiresAt === undefined)
    return ttlSeconds === undefined || outcome === undefined || outcome === "dropped"
      ? undefined
      : "ended-without-expiry";
  if (outcome === undefined || ttlSeconds === undefined) return "expires-while-it-goes-on";
  if (before?.expiresAt === expiresAt) return undefined;
  return expiresAt > now + ttlSeconds * 1_000 ? "expires-too-late" : undefined;
}

/** Variants without one of the rules of the time to live (docs/protocol-rules.md, section 17). */
export const EXPIRY_VARIANTS: { readonly [name: string]: Variant } = {
  "expiry-from-creation": {
    removes: "the time to live of a group counts from its end",
    faults: {
      rewrite: (op) => {
        if (op.op !== "put" || !isHeader(op) || typeof op.attributes["ttlSeconds"] !== "number") return op;
        const expiresAt = (op.attributes["createdAt"] as number) + op.attributes["ttlSeconds"] * 1_000;
        return { ...op, attributes: { ...op.attributes, expiresAt } };
      },
    },
  },
  "expiry-kept-by-a-round": {
    removes: "a group that is opened again does not expire before its next end",
    faults: {
      rewrite: (op) => {
        if (op.op !== "update" || !isHeader(op) || !op.change.remove?.includes("expiresAt")) return op;
        return { ...op, change: { ...op.change, remove: op.change.remove.filter((name) => name !== "expiresAt") } };
      },
    },
  },
};
