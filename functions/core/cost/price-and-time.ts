import { PRICES, QUOTAS } from "./price-table.ts";
import { type WorkCount, WRITE_PARTS } from "./work-count.ts";

/**
 * Computes what counted work costs, and the least time that the quotas allow for it. Both follow from price-table.ts
 * and a few numbers of the deployment. Prices are US dollars.
 */
export interface Deployment {
  /** Concurrent invocations for each queue. */
  readonly maxConcurrency: number;
  /** Concurrent task runs in one invocation. */
  readonly slots: number;
  readonly memoryMb: number;
}
/** The values of an unchanged fanfold.config.ts. */
export const DEFAULT_DEPLOYMENT: Deployment = { maxConcurrency: 50, slots: 32, memoryMb: 1_024 };

/**
 * Seconds of a function for one call of a port, and for one invocation beside its calls. Estimated, not measured on
 * AWS.
 */
const ENGINE_SECONDS = { call: 0.001, invocation: 0.02 };

/** Write units of an invocation for statistics, when its runs are of one task: two for the task, one for the queue. */
const STATISTICS_UNITS = 3;
/** Returns the write units of statistics, which each invocation flushes at its end. */
export const statisticsUnits = ({ requests }: Pick<WorkCount, "requests">): number =>
  STATISTICS_UNITS * requests.receive;

export const PRICE_PARTS = [...WRITE_PARTS, "statistics", "reads", "queue", "functions"] as const;
export type PricePart = (typeof PRICE_PARTS)[number];
/** The price of counted work in US dollars, by part. */
export interface Price {
  /** Date of the price table. */
  readonly date: string;
  readonly region: string;
  readonly parts: { readonly [part in PricePart]: number };
  readonly total: number;
}

export function totalWrites({ writes }: Pick<WorkCount, "writes">): number {
  return WRITE_PARTS.reduce((sum, part) => sum + writes[part], 0);
}
export function totalMessages({ messages }: Pick<WorkCount, "messages">): number {
  return Object.values(messages).reduce((sum, count) => sum + count, 0);
}
export function totalRequests({ requests }: Pick<WorkCount, "requests">): number {
  return requests.send + requests.receive + requests.delete;
}

/**
 * Returns the seconds of all functions together. Tasks that run at the same time in one invocation share its seconds.
 */
export function functionSeconds(count: WorkCount, secondsPerTask: number, { slots }: Deployment): number {
  const invocations = count.requests.receive;
  const sideBySide = Math.max(1, Math.min(slots, count.taskRuns / Math.max(1, invocations)));
  const calls = totalWrites(count) + count.reads + count.requests.send + count.blobs;
  return (
    (count.taskRuns * secondsPerTask) / sideBySide +
    calls * ENGINE_SECONDS.call +
    invocations * ENGINE_SECONDS.invocation
  );
}

/** Returns the price of counted work. */
export function priceOf(count: WorkCount, secondsPerTask: number, deployment: Deployment = DEFAULT_DEPLOYMENT): Price {
  const gigabytes = deployment.memoryMb / 1_024;
  const { rows, ledger, headers, plan, jobs } = count.writes;
  const parts = {
    rows: rows * PRICES.writeUnit,
    ledger: ledger * PRICES.writeUnit,
    headers: headers * PRICES.writeUnit,
    plan: plan * PRICES.writeUnit + count.blobs * (PRICES.blobWrite + PRICES.blobRead),
    jobs: jobs * PRICES.writeUnit,
    statistics: statisticsUnits(count) * PRICES.writeUnit,
    reads: count.reads * PRICES.readUnit,
    queue: totalRequests(count) * PRICES.queueRequest,
    functions:
      functionSeconds(count, secondsPerTask, deployment) * gigabytes * PRICES.gigabyteSecond +
      count.requests.receive * PRICES.invocation,
  };
  const total = PRICE_PARTS.reduce((sum, part) => sum + parts[part], 0);
  return { date: PRICES.date, region: PRICES.region, parts, total };
}

/** One lower bound of the duration, in seconds, and its cause. */
export interface TimeBound {
  readonly by: string;
  readonly seconds: number;
}
/** A lower bound of the duration. */
export interface TimeFloor {
  /** Seconds at least, on tables that are warmed or have carried such traffic before. */
  readonly seconds: number;
  /** Seconds at least, on tables that have never been busy. */
  readonly secondsOnNewTables: number;
  /** Cause of the greatest bound. */
  readonly limitedBy: string;
  readonly bounds: readonly TimeBound[];
}

/**
 * Returns a lower bound of the duration. `tasksInRow` is the number of runs of user code on the longest path. Latencies
 * of single calls are left out, so this is no forecast.
 */
export function timeFloor(
  count: WorkCount,
  tasksInRow: number,
  secondsPerTask: number,
  deployment: Deployment = DEFAULT_DEPLOYMENT,
): TimeFloor {
  const { rows, ledger, headers, plan, jobs } = count.writes;
  const tables = { tasks: rows + plan + jobs, callbacks: ledger + headers };
  const others: TimeBound[] = [
    {
      by: `functions: ${deployment.maxConcurrency} invocations of ${deployment.slots} slots`,
      seconds: functionTime(count, secondsPerTask, deployment),
    },
    { by: "tasks that follow each other", seconds: tasksInRow * secondsPerTask },
    {
      by: "reads of the header of the greatest group: one partition",
      seconds: count.headerReads / QUOTAS.partition.reads,
    },
  ];
  const warm = Object.entries(tables).map(([table, writes]) => ({
    by: `writes to the table ${table}`,
    seconds: writes / QUOTAS.table.writes,
  }));
  const cold = Object.values(tables).map((units) => newTableSeconds(units));
  const bounds = [...warm, ...others].toSorted((a, b) => b.seconds - a.seconds);
  const slowest = bounds[0] as TimeBound;
  return {
    seconds: slowest.seconds,
    secondsOnNewTables: Math.max(...cold, ...others.map(({ seconds }) => seconds)),
    limitedBy: slowest.by,
    bounds,
  };
}
function functionTime(count: WorkCount, secondsPerTask: number, deployment: Deployment): number {
  return rampSeconds(functionSeconds(count, secondsPerTask, deployment), deployment.maxConcurrency);
}

/**
 * Returns the seconds that `work` seconds take while an event source raises its concurrency at a constant rate to its
 * maximum.
 */
export function rampSeconds(work: number, maxConcurrency: number): number {
  const { start, perSecond, most } = QUOTAS.eventSource;
  const highest = Math.min(most, maxConcurrency);
  const from = Math.min(start, highest);
  const ramp = (highest - from) / perSecond;
  const doneInRamp = ((from + highest) / 2) * ramp;
  if (work >= doneInRamp) return ramp + (work - doneInRamp) / highest;
  return (-from + Math.sqrt(from * from + 2 * perSecond * work)) / perSecond;
}
/** Returns the seconds that a new table needs for these units. Its rate starts low and doubles until the quota. */
export function newTableSeconds(units: number, kind: "writes" | "reads" = "writes"): number {
  const { doublesEverySeconds } = QUOTAS.newTable;
  let seconds = 0;
  let left = units;
  for (let rate: number = QUOTAS.newTable[kind]; rate < QUOTAS.table[kind]; rate *= 2) {
    const step = rate * doublesEverySeconds;
    if (left <= step) return seconds + left / rate;
    left -= step;
    seconds += doublesEverySeconds;
  }
  return seconds + left / QUOTAS.table[kind];
}
