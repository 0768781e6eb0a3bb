import type { Run } from "../../functions/engine/item-kinds.ts";
import type { Condition, WriteOp } from "../../functions/engine/ports.ts";
import { asIfApplied, isRow, statusSetBy, type Variant, without, withWhen, attributesNamed } from "./variant-parts.ts";

const LIMITED = { limits: true } as const;
/** Nothing dies in the storm, so no wake is lost, and every waiter is woken without the sweeper. */
const UNSWEPT = { limits: true, immortal: true, sweeper: false } as const;

const takes = (op: WriteOp): op is Extract<WriteOp, { readonly op: "put" }> =>
  op.op === "put" && op.key.partition.startsWith("LC#");
/** A write that ends the lease of a holder whose lease is over. */
const endsLease = (op: WriteOp): boolean =>
  op.op === "update" && isRow(op) && op.change.set?.["leaseUntil"] === 0 && op.change.remove?.join() === "leaseOwner";
/** A write that releases what an attempt of a run holds, whichever it is. */
const isReleasedForEarlier = ({ op, key, when }: WriteOp): boolean =>
  op === "remove" && key.partition.startsWith("LC#") && when?.op === "and" && when.of.some((part) => part.op === "lt");
/** Returns the process that holds a run. Tokens of the simulation are named after it (sim-ports.ts). */
const processOf = (row: Run | undefined): string | undefined => row?.leaseOwner?.split("-")[1];
/** Two seconds, the margin of the simulation (settings.ts). */
const MARGIN_MS = 2_000;
function withMargin(condition: Condition): Condition {
  if (condition.op === "and" || condition.op === "or") return { ...condition, of: condition.of.map(withMargin) };
  if (condition.op !== "lt" || condition.attribute !== "leaseUntil") return condition;
  return { ...condition, value: Number(condition.value) - MARGIN_MS };
}

/** Limits and locks, and what goes wrong without one of their rules (docs/protocol-rules.md, section 22). */
export const LIMIT_VARIANTS: { readonly [name: string]: Variant } = {
  limits: {
    removes: "nothing: holders are never more than a limit, a writer is alone, and nobody sleeps beside a free lock",
    faults: LIMITED,
  },
  "limits-unswept": {
    removes: "nothing: while no message is lost, waiters are woken without the sweeper, also behind the dead",
    faults: { limits: true, sweeper: false },
  },
  "lock-kept-by-the-dead": {
    removes: "an attempt that takes no lock releases what earlier attempts of its run hold",
    faults: { ...UNSWEPT, rewrite: (op) => (isReleasedForEarlier(op) ? undefined : op) },
  },
  "lock-without-second-look": {
    removes: "a run that was refused a lock looks again once it is deferred",
    faults: {
      ...UNSWEPT,
      rewrite: (op) =>
        op.op === "update" &&
        [...((op.change.take?.["unmet"] ?? []) as ReadonlySet<string>)].some((each) => each.startsWith("lock:"))
          ? undefined
          : op,
    },
  },
  "release-without-wake": {
    removes: "who releases a lock wakes those who wait for it",
    faults: {
      ...UNSWEPT,
      rewrite: (op) =>
        isRow(op) &&
        statusSetBy(op) === "queued" &&
        op.when !== undefined &&
        attributesNamed(op.when).join() === "status,attempt"
          ? undefined
          : op,
    },
  },
  "lock-unsubscribed": {
    removes: "a run that was refused a lock is among its waiters before it is deferred",
    faults: { ...UNSWEPT, rewrite: (op) => (op.op === "put" && op.key.partition.startsWith("LQ#") ? undefined : op) },
  },
  "lock-without-margin": {
    removes: "a lock is left only when the slowest clock says that the lease of its holder is over",
    faults: {
      ...LIMITED,
      config: { skewMarginSeconds: 0, leaseSeconds: 4 },
      // Runs are taken over as before.
      rewrite: (op) => (isRow(op) && statusSetBy(op) === "started" && op.when ? withWhen(op, withMargin(op.when)) : op),
    },
  },
  "lock-taken-from-a-lease": {
    removes: "the lease of a dead holder is ended for good before its lock is taken",
    faults: { ...LIMITED, rewrite: (op) => (endsLease(op) ? undefined : op) },
  },
  "holder-by-token": {
    removes: "a holder is an attempt of a run, and not what many runs share: here all that a process has claimed",
    faults: {
      ...LIMITED,
      report: (op, result, row) => {
        const holder = result.item?.attributes["runId"];
        if (!takes(op) || result.applied || typeof holder !== "string") return result;
        const [mine, other] = [op.attributes["runId"] as string, holder].map((runId) => processOf(row(runId)));
        return mine !== undefined && mine === other ? asIfApplied(op, result) : result;
      },
    },
  },
  "lock-overwritten": {
    removes: "a place of a limit is taken only if nobody has it",
    faults: { ...LIMITED, rewrite: (op) => (takes(op) ? withWhen(op, undefined) : op) },
  },
  "rate-unchecked": {
    removes: "a start is counted only while its window has room",
    faults: {
      ...LIMITED,
      rewrite: (op) =>
        op.key.partition.startsWith("LR#")
          ? withWhen(
              op,
              without(op.when, (part) => part.op === "lt" && part.attribute === "used"),
            )
          : op,
    },
  },
};
