import type { WriteOp } from "../../functions/engine/ports.ts";
import { isRow, type Variant } from "./variant-parts.ts";

type Attributes = { readonly [name: string]: unknown };
/** Returns the attributes without counters whose name begins so, in any of these vectors. */
function withoutCounters(attributes: Attributes | undefined, vectors: readonly string[], prefix: string): Attributes {
  const kept: Record<string, unknown> = { ...attributes };
  for (const vector of vectors)
    if (kept[vector] !== undefined)
      kept[vector] = Object.fromEntries(
        Object.entries(kept[vector] as Attributes).filter(([name]) => !name.startsWith(prefix)),
      );
  return kept;
}

/** Variants without one of the rules of items (docs/protocol-rules.md, section 4). */
export const ITEM_VARIANTS: { readonly [name: string]: Variant } = {
  "items-counted-at-each-step": {
    removes: "items that a later step has counted are no longer in the states of the step before",
    faults: {
      rewrite: (op) =>
        op.op === "update" && isRow(op) && op.change.set !== undefined
          ? ({
              ...op,
              change: { ...op.change, set: withoutCounters(op.change.set, ["counts", "ownCounts"], "h_reports") },
            } as WriteOp)
          : op,
    },
  },
  "seal-without-items": {
    removes: "a seal says what its owner has counted, so that another attempt can commit it",
    faults: {
      rewrite: (op) => {
        if (op.op !== "update" || op.change.set?.["ownItems"] === undefined) return op;
        const { ownItems: _lost, ...set } = op.change.set;
        return { ...op, change: { ...op.change, set } };
      },
    },
  },
  "items-dropped-at-hand-over": {
    removes: "items stay in the states of the step before when the next one counts none",
    faults: {
      rewrite: (op) =>
        op.op === "put" && isRow(op)
          ? ({ ...op, attributes: withoutCounters(op.attributes, ["carry"], "h_") } as WriteOp)
          : op,
    },
  },
};
