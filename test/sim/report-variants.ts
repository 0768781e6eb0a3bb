import type { WriteOp } from "../../functions/engine/ports.ts";
import type { Variant } from "./variant-parts.ts";

type StreamWrite = Extract<WriteOp, { op: "update" }>;
const isStream = (op: WriteOp): op is StreamWrite => op.op === "update" && op.key.partition.startsWith("S#");
const namesPage = (op: WriteOp): op is StreamWrite => isStream(op) && op.change.set?.["sequence"] !== undefined;

/** Variants without one of the rules of report streams (docs/protocol-rules.md, section 10). */
export const REPORT_VARIANTS: { readonly [name: string]: Variant } = {
  "cursor-without-ahead": {
    removes: "a stream knows the items that were reported behind one that was not",
    faults: {
      rewrite: (op) => (namesPage(op) ? { ...op, change: { ...op.change, set: { ...op.change.set, ahead: "" } } } : op),
    },
  },
  "totals-at-flush": {
    removes: "totals are written with the page that they count: here every second page comes before its totals",
    faults: {
      rewrite: (op) => {
        if (!namesPage(op) || Number(op.change.set?.["sequence"]) % 2 === 1) return op;
        const { totals: _late, ...set } = op.change.set ?? {};
        return { ...op, change: { ...op.change, set } };
      },
    },
  },
};
