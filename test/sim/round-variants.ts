import type { WriteOp } from "../../functions/engine/ports.ts";
import { attributesNamed, isLedger, isRow, type Variant, without, withoutSet, withWhen } from "./variant-parts.ts";

/** A write that takes a row up in a later round. */
const takesUp = (op: WriteOp): op is Extract<WriteOp, { readonly op: "update" }> =>
  op.op === "update" && isRow(op) && typeof op.change.set?.["round"] === "number";
/** A node that a retry writes for the next round. */
const isCopy = (op: WriteOp): op is Extract<WriteOp, { readonly op: "put" }> => op.op === "put" && isLedger(op);

/** Variants without one of the rules of a retry (docs/protocol-rules.md, section 12). */
export const ROUND_VARIANTS: { readonly [name: string]: Variant } = {
  "retaken-under-a-lease": {
    removes: "a retry takes no row up that a worker still holds",
    faults: {
      rewrite: (op) =>
        takesUp(op)
          ? withWhen(
              op,
              without(op.when, (part) => attributesNamed(part).includes("leaseUntil")),
            )
          : op,
    },
  },
  "retaken-in-every-round": {
    removes: "a retry takes a row up once in a round",
    faults: {
      rewrite: (op) =>
        takesUp(op)
          ? withWhen(
              op,
              without(op.when, (part) => part.op === "lt" && part.attribute === "round"),
            )
          : op,
    },
  },
  "anew-without-carry": {
    removes: "a step that begins anew counts what the steps before it have counted in this round",
    faults: { rewrite: (op) => (takesUp(op) ? withoutSet(op, ["carry"]) : op) },
  },
  "round-without-parts": {
    removes: "the ledger of a round names the values of members without rows that it keeps",
    faults: {
      rewrite: (op) => {
        if (!isCopy(op)) return op;
        const { parts: _unnamed, ...attributes } = op.attributes;
        return { ...op, attributes };
      },
    },
  },
  "round-without-counters": {
    removes: "the ledger of a round keeps the counters of members that do not run again",
    faults: {
      rewrite: (op) => {
        if (!isCopy(op)) return op;
        const { success: _lost, ...attributes } = op.attributes;
        return { ...op, attributes };
      },
    },
  },
};
