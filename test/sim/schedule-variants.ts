import type { FiredBy } from "../../functions/core/schedule/schedule.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import { type Variant, withAttributes, withoutSet, withWhen } from "./variant-parts.ts";

const isSchedule = (op: WriteOp): boolean => op.key.partition === "SC#all";
/** The firing of the job that a write creates. */
function firingOf(op: WriteOp): FiredBy | undefined {
  if (op.op !== "put" || op.key.table !== "callbacks") return undefined;
  return (op.attributes["job"] as { readonly schedule?: FiredBy } | undefined)?.schedule;
}
/** A write that says only when the sweeper looks again. */
const postpones = (op: WriteOp): op is Extract<WriteOp, { readonly op: "update" }> =>
  op.op === "update" && isSchedule(op) && Object.keys(op.change.set ?? {}).join() === "due";

/** Schedules, and what goes wrong without one of their rules (docs/protocol-rules.md, section 21). */
export const SCHEDULE_VARIANTS: { readonly [name: string]: Variant } = {
  schedules: {
    removes: "nothing: each time fires one job, and none is lost",
    faults: { schedules: true },
  },
  "advance-before-submit": {
    removes: "a schedule that moves on names the jobs that it owes, until they are started",
    faults: { schedules: true, rewrite: (op) => (isSchedule(op) ? withoutSet(op, ["owed"]) : op) },
  },
  "owed-job-not-started": {
    removes: "what a schedule owes is started before it says that nothing is: here every third start is lost",
    faults: { schedules: true, rewrite: (op) => (((firingOf(op)?.at ?? 1) / 1_000) % 3 === 0 ? undefined : op) },
  },
  "schedule-changed-unseen": {
    removes: "a schedule changes only if nobody has changed it since it was read",
    faults: { schedules: true, rewrite: (op) => (isSchedule(op) && op.op === "update" ? withWhen(op, undefined) : op) },
  },
  "announced-only-once": {
    removes: "the sweeper looks again after the message of a firing must have come",
    faults: {
      schedules: true,
      rewrite: (op) => (postpones(op) ? { ...op, change: { set: { due: Number.MAX_SAFE_INTEGER } } } : op),
    },
  },
  "waiting-job-forgotten": {
    removes: "a time whose job waits for the one before is noted",
    faults: { schedules: true, rewrite: (op) => (isSchedule(op) ? withoutSet(op, ["queued"]) : op) },
  },
  "last-job-forgotten": {
    removes: "a schedule notes the job of each element, whose end the next firing asks for",
    faults: { schedules: true, rewrite: (op) => (isSchedule(op) ? withoutSet(op, ["jobs"]) : op) },
  },
  "pause-unseen": {
    removes: "whoever fires a schedule has read whether it is paused",
    faults: {
      schedules: true,
      read: ({ key, item }) =>
        key.partition === "SC#all" ? withAttributes(item, ({ paused: _unseen, ...attributes }) => attributes) : item,
    },
  },
};
