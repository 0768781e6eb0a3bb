import type { Json } from "../../functions/core/json.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import { isRow, type Variant, withoutSet, withWhen } from "./variant-parts.ts";

const BULK = { bulk: true } as const;
/** Nothing dies in the storm, and no message is lost. */
const UNSWEPT = { bulk: true, immortal: true, sweeper: false } as const;
const kindOf = (body: Json): string | undefined => (body as { readonly kind?: string }).kind;
const isPass = ({ key }: WriteOp): boolean => key.partition === "BP";
const takesHook = (op: WriteOp): boolean => isPass(op) && op.op === "update" && op.change.set?.["hook"] !== undefined;

/** Bulk tasks, and what goes wrong without one of their rules (docs/protocol-rules.md, section 24). */
export const BULK_VARIANTS: { readonly [name: string]: Variant } = {
  bulk: {
    removes: "nothing: a call that fails costs others no failure and few calls, and every pass that has begun is ended",
    faults: BULK,
  },
  "bulk-no-sweeper": {
    removes: "nothing: without losses, what waits for others is called without the sweeper",
    faults: { bulk: true, sweeper: false },
  },
  "bulk-held": {
    removes: "nothing: pauses, limits and caps hold runs of bulk tasks as they hold others",
    faults: { bulk: true, pauses: true, limits: true, backlog: true },
  },
  "bulk-immortal": {
    removes: "nothing: while no process dies, no call is outside of a pass",
    faults: { bulk: true, immortal: true },
  },
  "truth-as-one": {
    removes: "each run of a call has an outcome of its own",
    faults: { ...BULK, truthAsOne: true },
  },
  "halves-unsent": {
    removes: "both halves of a call that failed are sent before its message is acknowledged",
    faults: {
      ...UNSWEPT,
      swallow: (body, handling) => kindOf(body) === "bulk" && handling.some((each) => kindOf(each) === "bulk"),
    },
  },
  "split-forgotten": {
    removes: "a row says how many runs its next call may have: here a half is forgotten, and the pool calls all again",
    faults: { ...BULK, rewrite: (op) => (isRow(op) ? withoutSet(op, ["among"]) : op) },
  },
  "afterPass-lost": {
    removes: "the sweeper asks for the end of a pass: here the message that ends it is lost",
    faults: { ...UNSWEPT, swallow: (body) => kindOf(body) === "pass" },
  },
  "pass-closed-while-called": {
    removes: "a pass is ended only while no call is in it",
    faults: { ...UNSWEPT, rewrite: (op) => (takesHook(op) ? withWhen(op, { op: "present" }) : op) },
  },
  "pool-unasked": {
    removes: "whoever lets runs wait for others asks for a look at them afterwards",
    faults: {
      ...UNSWEPT,
      swallow: (body) => kindOf(body) === "dispatch" && (body as { readonly next?: string }).next === undefined,
    },
  },
};
