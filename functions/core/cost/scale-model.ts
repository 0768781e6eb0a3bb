import { ENGINE_QUEUE } from "../names/queue-name.ts";
import { type Deployment, functionSeconds, newTableSeconds, type Price, priceOf, rampSeconds } from "./cost-model.ts";
import { QUOTAS } from "./price-table.ts";
import type { WorkCount } from "./work-count.ts";
import { TRACKING_WRITES, type TrackingLevel } from "./work-shape.ts";

/**
 * How fast one chord of very many children goes on AWS, by the documented quotas and a few estimates; and what that asks of every single partition.
 * On paper: nothing of it was run on AWS.
 */
export interface ChordCounted {
  readonly children: number;
  readonly level: TrackingLevel;
  /** Children of an input page; absent: all in one group. */
  readonly perPage?: number;
  readonly count: WorkCount;
}
export interface Phase {
  readonly name: "input" | "expand" | "run" | "fold";
  readonly seconds: number;
  readonly limitedBy: string;
}
/** What one partition, that is one item or one leaf, is asked for in its busiest second. */
export interface PartitionLoad {
  readonly name: string;
  readonly writes: number;
  readonly reads: number;
}
export interface ScalePrediction {
  /** Children that share a message. */
  readonly packed: number;
  /** Children per second, once everything runs. */
  readonly perSecond: number;
  readonly limitedBy: string;
  readonly phases: readonly Phase[];
  readonly seconds: number;
  readonly secondsOnNewTables: number;
  readonly price: Price;
  readonly partitions: readonly PartitionLoad[];
}

/** Estimates beside the quotas. Seconds. */
const ESTIMATES = { callLatency: 0.01, controlCall: 0.001, controlMessage: 0.02, controlConcurrency: 50 };
/** Of the API, by default: fanfold.config.ts. */
const PAGES_PER_SECOND = 100;
/** How long a function keeps the headers that it has read; and how many shards progress and the index of open groups have. */
const HEADER_CACHE_SECONDS = 5;
const SHARDS = 16;
/** A shard of hashes may be hit this much more often than the mean. */
const UNEVEN = 2;
const WIDTH = 256;

export function predictChord(chord: ChordCounted, secondsPerTask: number, deployment: Deployment): ScalePrediction {
  const pace = paceOf(chord, secondsPerTask, deployment);
  const phases = phasesOf(chord, pace, secondsPerTask, deployment);
  const overlapping = Math.max(...phases.filter(({ name }) => name !== "fold").map(({ seconds }) => seconds));
  const fold = phases.find(({ name }) => name === "fold")?.seconds ?? 0;
  const { rows, jobs, plan } = chord.count.writes;
  return {
    ...pace,
    phases,
    seconds: overlapping + fold,
    secondsOnNewTables: Math.max(overlapping, newTableSeconds(rows + jobs + plan), newTableSeconds(chord.count.reads, "reads")) + fold,
    price: priceOf(chord.count, secondsPerTask, deployment),
    partitions: partitionsOf(chord, pace, deployment),
  };
}

type Pace = Pick<ScalePrediction, "packed" | "perSecond" | "limitedBy">;
function paceOf({ children, count, perPage }: ChordCounted, secondsPerTask: number, deployment: Deployment): Pace {
  const { rows, ledger, headers, plan, jobs } = count.writes;
  const { partition, table, queue, eventSource } = QUOTAS;
  const messages = Object.entries(count.messages).reduce((sum, [name, sent]) => (name === ENGINE_QUEUE ? sum : sum + sent), 0) - 1;
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
    // A message that finds an empty cache reads the headers above its group: with pages those of the input and of the root.
    perPage === undefined
      ? ["reads of the header: one partition", (partition.reads - invocations / HEADER_CACHE_SECONDS) / headerReads]
      : ["reads of the root's header: one partition", partition.reads * packed],
  ];
  const [limitedBy, perSecond] = bounds.reduce((least, each) => (each[1] < least[1] ? each : least));
  return { packed, perSecond, limitedBy };
}

function phasesOf(chord: ChordCounted, { perSecond, limitedBy }: Pace, secondsPerTask: number, deployment: Deployment): Phase[] {
  const { children, count, level, perPage } = chord;
  const pages = perPage === undefined ? 0 : Math.ceil(children / perPage);
  const control = count.messages[ENGINE_QUEUE] ?? 0;
  const expandCalls = children * TRACKING_WRITES[level].expansion + count.requests.send;
  const expandSeconds = (expandCalls * ESTIMATES.controlCall + control * ESTIMATES.controlMessage) / ESTIMATES.controlConcurrency;
  const steady = children / perSecond;
  const ramp = rampSeconds(functionSeconds(count, secondsPerTask, deployment), deployment.maxConcurrency);
  const sequential = count.height + (perPage === undefined ? 4 : 8);
  return [
    { name: "input", seconds: pages / PAGES_PER_SECOND, limitedBy: pages > 0 ? `the API's own throttle: ${PAGES_PER_SECOND} pages per second` : "one request" },
    { name: "expand", seconds: expandSeconds, limitedBy: `functions of the engine's queue: ${ESTIMATES.controlConcurrency} at once` },
    steady >= ramp ? { name: "run", seconds: steady, limitedBy } : { name: "run", seconds: ramp, limitedBy: "the event source's ramp" },
    { name: "fold", seconds: sequential * ESTIMATES.callLatency, limitedBy: `${sequential} writes and sends one after the other` },
  ];
}

function partitionsOf({ count, level, perPage, children }: ChordCounted, { perSecond, packed }: Pace, deployment: Deployment): PartitionLoad[] {
  const { claim, end, expansion } = TRACKING_WRITES[level];
  // A second has no more than there is.
  const atOnce = Math.min(perSecond, children);
  const messagesPerSecond = atOnce / packed;
  const group = perPage ?? children;
  const inGroup = Math.min(messagesPerSecond, group / packed);
  const leaf = Math.min(atOnce, WIDTH, group);
  const above = Math.min(WIDTH, atOnce / WIDTH);
  const environments = Math.min(deployment.maxConcurrency, messagesPerSecond * HEADER_CACHE_SECONDS) / HEADER_CACHE_SECONDS;
  const pagesPerSecond = perPage === undefined ? 0 : atOnce / perPage;
  const load = (name: string, writes: number, reads: number): PartitionLoad => ({ name, writes, reads });
  return [
    load("rows of one leaf", leaf * Math.max(expansion, claim + end), level === "full" ? leaf : 0),
    load("ledger node of a leaf", Math.min(messagesPerSecond, Math.ceil(WIDTH / packed)), 0),
    load("ledger node above leaves, the root included", above, 0),
    load("header of the group, or of one page", 6, 2 * inGroup + environments + above),
    ...(perPage === undefined
      ? []
      : [
          load("header of the input, of the root", 1, messagesPerSecond),
          load("rows of a leaf of pages", Math.min(WIDTH, 3 * pagesPerSecond + 1), pagesPerSecond),
        ]),
    load("job item", 2, 1),
    load("one of 16 shards of progress", (UNEVEN * messagesPerSecond) / SHARDS, 0),
    load("index of jobs, one state", 2, 0),
    load("one of 16 shards of the index of open groups", 1 + (UNEVEN * 2 * pagesPerSecond) / SHARDS, 1),
    load("events of the job", 2, 0),
    load("item of a plan page", 1, Math.min(messagesPerSecond, Math.ceil(WIDTH / packed)) + (count.height > 0 ? 1 : 0)),
  ];
}
