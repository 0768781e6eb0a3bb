import type { WriteOp } from "../../functions/engine/ports.ts";
import { ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import { areSoloClaims, areSoloEnds } from "./solo-work.ts";
import { asIfApplied, isHeader, type Variant, without, withWhen } from "./variant-parts.ts";

const SOLOS = { solos: true, config: { batchMembers: 5 } } as const;
/** No message is lost, and nothing but its message brings a run back. */
const UNSWEPT = { ...SOLOS, sweeper: false } as const;
/** No run counts as slow, so those that are claimed together also end together. Some lose their short lease before. */
const ENDING_TOGETHER = { batchMembers: 5, batchMs: 60_000, leaseSeconds: 4 };
/** A claim of the first run of a job, whose row is part of the root header. */
const claimsFirst = (op: WriteOp): op is Extract<WriteOp, { readonly op: "update" }> =>
  op.op === "update" && isHeader(op) && op.change.set?.[ROOT_STATUS] === "started";
const listsEnd = ({ op, key }: WriteOp): boolean =>
  op === "put" && key.partition.startsWith("JS#") && key.partition !== "JS#all";

/** Variants without one of the rules of a job that is one item (docs/protocol-rules.md, section 3). */
export const SOLO_VARIANTS: { readonly [name: string]: Variant } = {
  solos: {
    removes: "nothing: jobs of one quick task that are received together share a slot, and calls of the store",
    faults: SOLOS,
  },
  "solos-no-sweeper": {
    removes: "nothing: without losses, jobs that run together end without the sweeper",
    faults: UNSWEPT,
  },
  "solos-paused": {
    removes: "nothing: pauses hold jobs that would run together as they hold others",
    faults: { ...SOLOS, pauses: true },
  },
  "solo-claims-as-one": {
    removes: "of jobs that are claimed together each has a claim of its own",
    faults: {
      ...SOLOS,
      reportMany: (ops, results) =>
        areSoloClaims(ops) && results[0]?.applied ? results.map((each) => ({ ...each, applied: true })) : results,
    },
  },
  "solo-ends-as-one": {
    removes: "of jobs that end together each has an end of its own: one that was refused is committed like any other",
    faults: {
      ...UNSWEPT,
      config: ENDING_TOGETHER,
      reportMany: (ops, results) =>
        areSoloEnds(ops) && results[0]?.applied
          ? results.map((each, k) => (each.applied ? each : asIfApplied(ops[k] as WriteOp, each)))
          : results,
    },
  },
  "solo-acknowledged-when-claimed": {
    removes: "the message of a job that runs with others is acknowledged after its end was followed",
    faults: { ...UNSWEPT, loop: { ackTogether: true } },
  },
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
