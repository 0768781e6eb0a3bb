import { PRICES, QUOTAS } from "./price-table.ts";
import { type WorkCount, WRITE_PARTS } from "./work-count.ts";

/** What counted work costs, and how fast the quotas let it go: from price-table.ts, and from a few numbers of the deployment. Prices are US dollars. */
export interface Deployment {
  /** Invocations at the same time, of each queue. */
  readonly maxConcurrency: number;
  /** Task runs at the same time in one invocation. */
  readonly slots: number;
  readonly memoryMb: number;
}
/** As fanfold.config.ts has it unless somebody changes it. */
export const DEFAULT_DEPLOYMENT: Deployment = { maxConcurrency: 50, slots: 32, memoryMb: 1_024 };

/** Estimated, not measured on AWS: seconds that a function works for one call of a port, and for one invocation beside that. */
const ENGINE_SECONDS = { call: 0.001, invocation: 0.02 };

export const PRICE_PARTS = [...WRITE_PARTS, "reads", "queue", "functions"] as const;
export type PricePart = (typeof PRICE_PARTS)[number];
export interface Price {
  /** Of the price table. */
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

/** Seconds of all functions together: tasks that run side by side share them. */
export function functionSeconds(count: WorkCount, secondsPerTask: number, { slots }: Deployment): number {
  const invocations = count.requests.receive;
  const sideBySide = Math.max(1, Math.min(slots, count.taskRuns / Math.max(1, invocations)));
  const calls = totalWrites(count) + count.reads + count.requests.send + count.blobs;
  return (count.taskRuns * secondsPerTask) / sideBySide + calls * ENGINE_SECONDS.call + invocations * ENGINE_SECONDS.invocation;
}

export function priceOf(count: WorkCount, secondsPerTask: number, deployment: Deployment = DEFAULT_DEPLOYMENT): Price {
  const gigabytes = deployment.memoryMb / 1_024;
  const { rows, ledger, headers, plan, jobs } = count.writes;
  const parts = {
    rows: rows * PRICES.writeUnit,
    ledger: ledger * PRICES.writeUnit,
    headers: headers * PRICES.writeUnit,
    plan: plan * PRICES.writeUnit + count.blobs * (PRICES.blobWrite + PRICES.blobRead),
    jobs: jobs * PRICES.writeUnit,
    reads: count.reads * PRICES.readUnit,
    queue: totalRequests(count) * PRICES.queueRequest,
    functions: functionSeconds(count, secondsPerTask, deployment) * gigabytes * PRICES.gigabyteSecond + count.requests.receive * PRICES.invocation,
  };
  const total = PRICE_PARTS.reduce((sum, part) => sum + parts[part], 0);
  return { date: PRICES.date, region: PRICES.region, parts, total };
}

/** One thing that bounds the speed: nothing can be over before so many seconds. */
export interface TimeBound {
  readonly by: string;
  readonly seconds: number;
}
export interface TimeFloor {
  /** Where both tables have carried such traffic before, or were warmed. */
  readonly seconds: number;
  /** On tables that have never been busy. */
  readonly secondsOnNewTables: number;
  /** What takes longest. */
  readonly limitedBy: string;
  readonly bounds: readonly TimeBound[];
}

/** `tasksInRow`: runs of user code on the longest way. Latencies of single calls are left out: this is a floor, not a forecast. */
export function timeFloor(count: WorkCount, tasksInRow: number, secondsPerTask: number, deployment: Deployment = DEFAULT_DEPLOYMENT): TimeFloor {
  const { rows, ledger, headers, plan, jobs } = count.writes;
  const tables = { tasks: rows + plan + jobs, callbacks: ledger + headers };
  const others: TimeBound[] = [
    { by: `functions: ${deployment.maxConcurrency} invocations of ${deployment.slots} slots`, seconds: functionTime(count, secondsPerTask, deployment) },
    { by: "tasks that follow each other", seconds: tasksInRow * secondsPerTask },
    { by: "reads of the header of the greatest group: one partition", seconds: count.headerReads / QUOTAS.partition.reads },
  ];
  const warm = Object.entries(tables).map(([table, writes]) => ({ by: `writes to the table ${table}`, seconds: writes / QUOTAS.table.writes }));
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

/** How long so many seconds of work take while an event source raises its concurrency steadily to its most. */
export function rampSeconds(work: number, maxConcurrency: number): number {
  const { start, perSecond, most } = QUOTAS.eventSource;
  const highest = Math.min(most, maxConcurrency);
  const from = Math.min(start, highest);
  const ramp = (highest - from) / perSecond;
  const doneInRamp = ((from + highest) / 2) * ramp;
  if (work >= doneInRamp) return ramp + (work - doneInRamp) / highest;
  return (-from + Math.sqrt(from * from + 2 * perSecond * work)) / perSecond;
}
/** A new table starts small, and doubles until its quota. */
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
