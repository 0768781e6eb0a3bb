import { ENGINE_QUEUE } from "../names/queue-name.ts";
import {
  type Deployment,
  functionSeconds,
  newTableSeconds,
  type Price,
  priceOf,
  rampSeconds,
} from "./price-and-time.ts";
import { QUOTAS } from "./price-table.ts";
import type { WorkCount } from "./work-count.ts";
import { TRACKING_WRITES, type TrackingLevel } from "./work-shape.ts";

/**
 * Predicts how fast one chord with very many children runs on AWS, and what it asks of each partition. It rests on
 * documented quotas and a few estimates. Nothing of it was run on AWS.
 */
export interface ChordCounted {
  readonly children: number;
  readonly level: TrackingLevel;
  /** Children of one input page. Absent when all are in one group. */
  readonly perPage?: number;
  readonly count: WorkCount;
}
/** One phase of the chord. All phases but `fold` overlap. */
export interface Phase {
  readonly name: "input" | "expand" | "run" | "fold";
  readonly seconds: number;
  readonly limitedBy: string;
}
/** What one partition (one item or one leaf) must serve in its busiest second. */
export interface PartitionLoad {
  readonly name: string;
  readonly writes: number;
  readonly reads: number;
}
export interface ScalePrediction {
  /** Children in one message. */
  readonly packed: number;
  /** Children per second in steady state. */
  readonly perSecond: number;
  readonly limitedBy: string;
  readonly phases: readonly Phase[];
  readonly seconds: number;
  readonly secondsOnNewTables: number;
  readonly price: Price;
  readonly partitions: readonly PartitionLoad[];
}

/** Estimates for what no quota says. Times are seconds. */
const ESTIMATES = { callLatency: 0.01, controlCall: 0.001, controlMessage: 0.02, controlConcurrency: 50 };
/** Throttle of the API by default (fanfold.config.ts). */
const PAGES_PER_SECOND = 100;
/** Seconds that a function caches a header. */
const HEADER_CACHE_SECONDS = 5;
/** Shards of the progress counters, and of the index of open groups. */
const SHARDS = 16;
/** A shard chosen by hash may get this many times the mean load. */
const UNEVEN = 2;
/** Members of one leaf of the ledger. */
const WIDTH = 256;

/** Returns the prediction for one chord. */
export function predictChord(chord: ChordCounted, secondsPerTask: number, deployment: Deployment): ScalePrediction {
  const rate = rateOf(chord, secondsPerTask, deployment);
  const phases = phasesOf(chord, rate, secondsPerTask, deployment);
  const overlapping = Math.max(...phases.filter(({ name }) => name !== "fold").map(({ seconds }) => seconds));
  const fold = phases.find(({ name }) => name === "fold")?.seconds ?? 0;
  const { rows, jobs, plan } = chord.count.writes;
  return {
    ...rate,
    phases,
    seconds: overlapping + fold,
    secondsOnNewTables:
      Math.max(overlapping, newTableSeconds(rows + jobs + plan), newTableSeconds(chord.count.reads, "reads")) + fold,
    price: priceOf(chord.count, secondsPerTask, deployment),
    partitions: partitionsOf(chord, rate, deployment),
  };
}

type Rate = Pick<ScalePrediction, "packed" | "perSecond" | "limitedBy">;
function rateOf({ children, count, perPage }: ChordCounted, secondsPerTask: number, deployment: Deployment): Rate {
  const { rows, ledger, headers, plan, jobs } = count.writes;
  const { partition, table, queue, eventSource } = QUOTAS;
  const messages =
    Object.entries(count.messages).reduce((sum, [name, sent]) => (name === ENGINE_QUEUE ? sum : sum + sent), 0) - 1;
  const packed = children / messages;
  const invocations = Math.min(deployment.maxConcurrency, eventSource.most);
  const headerReads = 2 / packed + 1 / WIDTH;
  const bounds: [string, number][] = [
    ["writes to the table tasks", (table.writes * children) / (rows + plan + jobs)],
    ["writes to the table callbacks", (table.writes * children) / (ledger + headers)],
    ["reads of a table, at most", (table.reads * children) / count.reads],
    ["functions", (invocations * children) / functionSeconds(count, secondsPerTask, deployment)],
    ["messages in flight", (queue.inFlight * packed) / Math.max(secondsPerTask, ESTIMATES.callLatency)],
    ["writes of progress: its shards", (partition.writes * SHARDS * packed) / UNEVEN],
    // A message that finds an empty cache reads the headers above its group. With pages those are the headers of the
    // input and of the root.
    perPage === undefined
      ? ["reads of the header: one partition", (partition.reads - invocations / HEADER_CACHE_SECONDS) / headerReads]
      : ["reads of the root's header: one partition", partition.reads * packed],
  ];
  const [limitedBy, perSecond] = bounds.reduce((least, each) => (each[1] < least[1] ? each : least));
  return { packed, perSecond, limitedBy };
}

function phasesOf(
  chord: ChordCounted,
  { perSecond, limitedBy }: Rate,
  secondsPerTask: number,
  deployment: Deployment,
): Phase[] {
  const { children, count, level, perPage } = chord;
  const pages = perPage === undefined ? 0 : Math.ceil(children / perPage);
  const control = count.messages[ENGINE_QUEUE] ?? 0;
  const expandCalls = children * TRACKING_WRITES[level].expansion + count.requests.send;
  const expandSeconds =
    (expandCalls * ESTIMATES.controlCall + control * ESTIMATES.controlMessage) / ESTIMATES.controlConcurrency;
  const steady = children / perSecond;
  const ramp = rampSeconds(functionSeconds(count, secondsPerTask, deployment), deployment.maxConcurrency);
  const sequential = count.height + (perPage === undefined ? 4 : 8);
  return [
    {
      name: "input",
      seconds: pages / PAGES_PER_SECOND,
      limitedBy: pages > 0 ? `the API's own throttle: ${PAGES_PER_SECOND} pages per second` : "one request",
    },
    {
      name: "expand",
      seconds: expandSeconds,
      limitedBy: `functions of the engine's queue: ${ESTIMATES.controlConcurrency} at once`,
    },
    steady >= ramp
      ? { name: "run", seconds: steady, limitedBy }
      : { name: "run", seconds: ramp, limitedBy: "the event source's ramp" },
    {
      name: "fold",
      seconds: sequential * ESTIMATES.callLatency,
      limitedBy: `${sequential} writes and sends one after the other`,
    },
  ];
}

function partitionsOf(
  { count, level, perPage, children }: ChordCounted,
  { perSecond, packed }: Rate,
  deployment: Deployment,
): PartitionLoad[] {
  const { claim, end, expansion } = TRACKING_WRITES[level];
  // No second can hold more children than there are.
  const childrenPerSecond = Math.min(perSecond, children);
  const messagesPerSecond = childrenPerSecond / packed;
  const group = perPage ?? children;
  const inGroup = Math.min(messagesPerSecond, group / packed);
  const leaf = Math.min(childrenPerSecond, WIDTH, group);
  const above = Math.min(WIDTH, childrenPerSecond / WIDTH);
  const environments =
    Math.min(deployment.maxConcurrency, messagesPerSecond * HEADER_CACHE_SECONDS) / HEADER_CACHE_SECONDS;
  const pagesPerSecond = perPage === undefined ? 0 : childrenPerSecond / perPage;
  const load = (name: string, writes: number, reads: number): PartitionLoad => ({ name, writes, reads });
  return [
    load("rows of one leaf", leaf * Math.max(expansion, claim + end), level === "full" ? leaf : 0),
    load("ledger node of a leaf", Math.min(messagesPerSecond, Math.ceil(WIDTH / packed)), 0),
    load("ledger node above leaves, the root included", above, 0),
    load("header of the group, or of one page", 6, 2 * inGroup + environments + above),
    ...(perPage === undefined
      ? []
      : [load("rows of a leaf of pages", Math.min(WIDTH, 3 * pagesPerSecond + 1), pagesPerSecond)]),
    load("one of 16 shards of progress", (UNEVEN * messagesPerSecond) / SHARDS, 0),
    load("header of the root, which is the job, and of an input", 2, perPage === undefined ? 1 : messagesPerSecond),
    load("list of all jobs, of those of one end", 1, 0),
    load("one of 16 shards of the index of open groups", 1 + (UNEVEN * 2 * pagesPerSecond) / SHARDS, 1),
    load("item of a plan page", 1, Math.min(messagesPerSecond, Math.ceil(WIDTH / packed)) + (count.height > 0 ? 1 : 0)),
  ];
}
