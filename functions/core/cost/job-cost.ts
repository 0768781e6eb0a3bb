import { type Price, priceOf, totalMessages, totalRequests, totalWrites } from "./price-and-time.ts";
import type { WorkCount, WritePart } from "./work-count.ts";

/**
 * The cost of an ended job. Its counters give the exact number of task runs. All other figures are computed from its
 * estimate, so nothing is written for them while the job runs.
 */
export interface JobCost {
  /** Read from the counters of the job. */
  readonly measured: { readonly taskRuns: number; readonly failed: number };
  readonly computed: {
    /** Task runs that the estimate did not know. They are computed as members of one group. */
    readonly spawnedRuns: number;
    /** Task runs of the estimate that did not happen. Their share is subtracted. */
    readonly missingRuns: number;
    readonly messages: number;
    readonly requests: number;
    readonly writeUnits: { readonly total: number } & { readonly [part in WritePart]: number };
    readonly readUnitsAtMost: number;
    readonly blobs: number;
    /** Computed as if tasks took no time, since the duration of runs is not counted. */
    readonly price: Price;
  };
}

/**
 * The figures of an estimate that a job keeps. A short list of numbers, because it is stored in a header that is billed
 * by its size.
 */
export type Estimate = readonly number[];
/** Returns the figures to keep of a count. */
export function estimateOf(count: WorkCount): Estimate {
  const { taskRuns, writes, reads, blobs, requests } = count;
  const { rows, ledger, headers, plan, jobs } = writes;
  return [
    taskRuns,
    rows,
    ledger,
    headers,
    plan,
    jobs,
    reads,
    blobs,
    totalMessages(count),
    requests.send,
    requests.receive,
  ];
}
function countOf(estimate: Estimate, times: number): WorkCount {
  const at = (index: number): number => Math.ceil((estimate[index] ?? 0) * times);
  return {
    taskRuns: at(0),
    members: 0,
    groups: 0,
    height: 0,
    headerReads: 0,
    writes: { rows: at(1), ledger: at(2), headers: at(3), plan: at(4), jobs: at(5) },
    reads: at(6),
    blobs: at(7),
    messages: { all: at(8) },
    requests: { send: at(9), receive: at(10), delete: at(10) },
  };
}

/**
 * Returns the cost of a job from the estimate that it kept. `spawned` counts that many task runs as members of one
 * group.
 */
export function jobCost(
  estimate: Estimate,
  measured: JobCost["measured"],
  spawned: (taskRuns: number) => WorkCount,
): JobCost {
  const known = estimate[0] ?? 0;
  const { taskRuns, failed } = measured;
  const spawnedRuns = Math.max(0, taskRuns - known);
  const missingRuns = Math.max(0, known - taskRuns);
  const expected = countOf(estimate, missingRuns > 0 ? taskRuns / known : 1);
  const count = spawnedRuns > 0 ? sumOf(expected, spawned(spawnedRuns)) : expected;
  // Each failure is an event. The first failure is also noted in its group.
  const jobs = count.writes.jobs + failed;
  const headers = count.writes.headers + (failed > 0 ? 1 : 0);
  const whole = { ...count, writes: { ...count.writes, jobs, headers } };
  return {
    measured,
    computed: {
      spawnedRuns,
      missingRuns,
      messages: totalMessages(whole),
      requests: totalRequests(whole),
      writeUnits: { total: totalWrites(whole), ...whole.writes },
      readUnitsAtMost: whole.reads,
      blobs: whole.blobs,
      price: priceOf(whole, 0),
    },
  };
}
function sumOf(one: WorkCount, other: WorkCount): WorkCount {
  const { writes, requests } = one;
  return {
    ...one,
    taskRuns: one.taskRuns + other.taskRuns,
    writes: {
      rows: writes.rows + other.writes.rows,
      ledger: writes.ledger + other.writes.ledger,
      headers: writes.headers + other.writes.headers,
      plan: writes.plan + other.writes.plan,
      jobs: writes.jobs + other.writes.jobs,
    },
    reads: one.reads + other.reads,
    blobs: one.blobs + other.blobs,
    messages: { all: totalMessages(one) + totalMessages(other) },
    requests: {
      send: requests.send + other.requests.send,
      receive: requests.receive + other.requests.receive,
      delete: requests.delete + other.requests.delete,
    },
  };
}
