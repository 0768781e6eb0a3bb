import { carriedUp, type Counts, failedRuns } from "../../core/plan/counts.ts";
import { failedItems } from "../../core/plan/item-counters.ts";
import type { Json } from "../../core/json.ts";
import type { Context } from "../context.ts";
import {
  type EndState,
  type Header,
  ITEM_VERSION,
  type JobSeed,
  jobIndexKey,
  type Outcome,
  type Owned,
  type RunError,
  stampIndexKey,
} from "../item-kinds.ts";
import type { WriteOp } from "../ports.ts";
import { absent, eq, lt, or } from "../items/conditions.ts";
import { rootRow } from "../items/root-row.ts";
import { copyOfValue } from "../items/run-reads.ts";

export const ALL_JOBS = "all";

/** A job, as its root header tells it. */
export interface JobAttributes extends Owned, JobSeed {
  readonly state: "started" | EndState;
  readonly round: number;
  readonly createdAt: number;
  readonly deadline: number;
  readonly endedAt?: number;
  readonly outcome?: Outcome;
  readonly counts?: Counts;
  readonly countsExact?: boolean;
  readonly error?: RunError;
  readonly value?: Json;
  readonly valueRef?: string;
  readonly collects?: string;
}

/** Returns the job that a root header is. */
export function jobOf(root: Header): JobAttributes | undefined {
  if (!root.job) return undefined;
  const { v, jobId, ttl, round, createdAt, deadline = 0, endedAt, outcome, error, lastStep } = root;
  const base = { ...root.job, v, jobId, ttl, round, createdAt, deadline };
  if (endedAt === undefined) return { ...base, state: "started" };
  const { inexact, ...counts } = carriedUp(root.totals);
  return {
    ...base,
    state: stateOf(root),
    endedAt,
    counts,
    countsExact: !root.early && !inexact,
    ...(outcome !== undefined && { outcome }),
    ...(error !== undefined && { error }),
    ...(outcome === "complete" && copyOfValue(lastStep === undefined ? rootRow(root) : root)),
  };
}
/** Returns the state that a decided root gives its job. Good results go on, but a failed run or item makes the job a failure. */
export function stateOf({ outcome, totals }: Pick<Header, "outcome" | "totals">): EndState {
  switch (outcome) {
    case "cancelled":
    case "dropped":
      return "cancelled";
    case "timeout":
      return "timed-out";
    case "failed":
      return "failure";
    default:
      return failedRuns(totals ?? {}) + failedItems(totals ?? {}) > 0 ? "failure" : "success";
  }
}

/**
 * Puts a job into the lists, before its root header is written. So no job is missing in them. An entry whose job never
 * came to be, or has another time of creation, is passed over.
 */
export async function listJob(context: Context, owned: Owned, createdAt: number, job: JobSeed): Promise<void> {
  const { jobId } = owned;
  const keys = [
    jobIndexKey(ALL_JOBS, createdAt, jobId),
    ...(job.stamps ?? []).map((stamp) => stampIndexKey(stamp, createdAt, jobId)),
  ];
  const { v, ttl } = owned;
  await context.store.writeMany(keys.map((key) => ({ op: "put", key, attributes: { v, jobId, ttl }, when: absent() })));
}
/**
 * Puts a job into the list of those that ended so. The entry may come before the end: a reader goes by the root header.
 * One write unit.
 */
export async function listEnd(context: Context, root: Header, state: EndState): Promise<void> {
  await context.store.write(endEntry(root, state));
}
/** Puts jobs into the list of those that ended so, as `listEnd` does. One write unit for each. */
export async function listEnds(context: Context, roots: readonly Header[], state: EndState): Promise<void> {
  await context.store.writeMany(roots.map((root) => endEntry(root, state)));
}
function endEntry(root: Header, state: EndState): WriteOp {
  const key = jobIndexKey(state, root.createdAt, root.jobId);
  const { jobId, ttl, round } = root;
  const attributes = { v: ITEM_VERSION, jobId, ttl, round };
  // The round says whose entry it is: a retry that is late must not take out the end of its own round.
  return { op: "put", key, attributes, when: or(absent(), lt("round", round)) };
}
/** Takes a job that is retried out of the list of its earlier end. */
export async function unlistEnd(context: Context, root: Header): Promise<void> {
  const key = jobIndexKey(stateOf(root), root.createdAt, root.jobId);
  await context.store.write({ op: "remove", key, when: eq("round", root.round) });
}
/**
 * Returns a stamp in the form by which jobs are found. The form is part of a key, and the root header carries all of
 * them, so a stamp that is long or has other than printable ASCII characters becomes a hash.
 */
export function indexedStamp(context: Context, text: string): string {
  return PLAIN_STAMP.test(text) ? text : `#${context.ids.hash(text).slice(0, 32)}`;
}
const PLAIN_STAMP = /^[\x20-\x7e]{1,40}$/;
