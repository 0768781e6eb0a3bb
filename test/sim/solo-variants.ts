import type { WriteOp } from "../../functions/engine/ports.ts";
import type { Variant } from "./variant-parts.ts";

const listsEnd = ({ op, key }: WriteOp): boolean =>
  op === "put" && key.partition.startsWith("JS#") && key.partition !== "JS#all";

/** Variants without one of the rules of a job that is one item (docs/protocol-rules.md, section 3). */
export const SOLO_VARIANTS: { readonly [name: string]: Variant } = {
  "solo-commit-without-list": {
    removes: "a job is in the list of its end before the write that ends it, because nothing looks at it afterwards",
    faults: { rewrite: (op) => (listsEnd(op) ? undefined : op) },
  },
};
