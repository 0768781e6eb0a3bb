import {
  DEFAULT_DEPLOYMENT,
  type Deployment,
  type Price,
  PRICE_PARTS,
  priceOf,
  statisticsUnits,
  type TimeFloor,
  timeFloor,
  totalMessages,
  totalRequests,
  totalWrites,
} from "./price-and-time.ts";
import type { WorkCount, WritePart } from "./work-count.ts";

/**
 * What a job would take, computed before it is submitted. The counts are those of a job in which nothing fails and
 * nothing is delivered twice.
 */
export interface JobEstimate {
  /** Runs of user code. */
  readonly taskRuns: number;
  /** Members of all groups. */
  readonly members: number;
  readonly groups: number;
  /** Levels of the tallest ledger. */
  readonly ledgerHeight: number;
  readonly messages: { readonly total: number; readonly byQueue: { readonly [queue: string]: number } };
  /**
   * Calls of the queues, each with up to ten messages. Receives and deletes are computed, because Lambda makes them.
   */
  readonly requests: {
    readonly total: number;
    readonly send: number;
    readonly receive: number;
    readonly delete: number;
  };
  readonly writeUnits: { readonly total: number } & { readonly [part in WritePart]: number };
  /** Write units of the statistics that invocations flush: three for each whose runs are of one task. */
  readonly statisticsUnits: number;
  readonly readUnitsAtMost: number;
  readonly blobs: number;
  /** Duration that is assumed for every task, in seconds. */
  readonly secondsPerTask: number;
  readonly price: Price;
  readonly time: TimeFloor;
  /** What the figures leave open, in sentences. Empty when they are exact. */
  readonly notes: readonly string[];
  /**
   * `true` when the job may grow, because tasks stream children or input follows. `taskRuns` are then those known now.
   */
  readonly grows: boolean;
  /** What most of the price and of the time is spent on, in one line. */
  readonly dominates: string;
}

/** What an estimate is computed from. */
export interface EstimateBasis {
  readonly count: WorkCount;
  /** Runs of user code on the longest path. */
  readonly tasksInRow: number;
  readonly secondsPerTask: number;
  readonly deployment?: Deployment;
  readonly notes: readonly string[];
  readonly grows: boolean;
}
export const DEFAULT_SECONDS_PER_TASK = 0.1;

/** Returns the estimate of a job. */
export function jobEstimate({
  count,
  tasksInRow,
  secondsPerTask,
  deployment = DEFAULT_DEPLOYMENT,
  notes,
  grows,
}: EstimateBasis): JobEstimate {
  const price = priceOf(count, secondsPerTask, deployment);
  const time = timeFloor(count, tasksInRow, secondsPerTask, deployment);
  return {
    taskRuns: count.taskRuns,
    members: count.members,
    groups: count.groups,
    ledgerHeight: count.height,
    messages: { total: totalMessages(count), byQueue: count.messages },
    requests: { total: totalRequests(count), ...count.requests },
    writeUnits: { total: totalWrites(count), ...count.writes },
    statisticsUnits: statisticsUnits(count),
    readUnitsAtMost: count.reads,
    blobs: count.blobs,
    secondsPerTask,
    price,
    time,
    notes,
    grows,
    dominates: dominatesOf(price, time),
  };
}
function dominatesOf(price: Price, time: TimeFloor): string {
  const part = PRICE_PARTS.reduce((most, each) => (price.parts[each] > price.parts[most] ? each : most));
  const share = price.total === 0 ? 0 : Math.round((100 * price.parts[part]) / price.total);
  return `${PART_NAMES[part]}: ${share}% of the price; time: ${time.limitedBy}`;
}
export const PART_NAMES: { readonly [part in keyof Price["parts"]]: string } = {
  rows: "rows",
  ledger: "ledger",
  headers: "group headers",
  plan: "plan pages",
  jobs: "job items",
  statistics: "statistics",
  reads: "reads, at most",
  queue: "queue",
  functions: "functions",
};
