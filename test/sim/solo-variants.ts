import type { WriteOp } from "../../functions/engine/ports.ts";
import { ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import { isHeader, type Variant, without, withWhen } from "./variant-parts.ts";

/** A claim of the first run of a job, whose row is part of the root header. */
const claimsFirst = (op: WriteOp): op is Extract<WriteOp, { readonly op: "update" }> =>
  op.op === "update" && isHeader(op) && op.change.set?.[ROOT_STATUS] === "started";
const listsEnd = ({ op, key }: WriteOp): boolean =>
  op === "put" && key.partition.startsWith("JS#") && key.partition !== "JS#all";

/** Variants without one of the rules of a job that is one item (docs/protocol-rules.md, section 3). */
export const SOLO_VARIANTS: { readonly [name: string]: Variant } = {
  "batch-partly-answered": {
    removes: "a batch of starts is answered once each of its jobs exists or was refused: here once one exists",
    faults: { answersEarly: true },
  },
  "solo-commit-without-list": {
    removes: "a job is in the list of its end before the write that ends it, because nothing looks at it afterwards",
    faults: { rewrite: (op) => (listsEnd(op) ? undefined : op) },
  },
  "solo-claim-upserts-after-collection": {
    removes: "the row of a first run is written into a header that exists, so that it brings no collected job back",
    faults: {
      rewrite: (op) =>
        claimsFirst(op)
          ? withWhen(
              op,
              without(op.when, (part) => part.op === "present" && part.attribute === undefined),
            )
          : op,
    },
  },
};
