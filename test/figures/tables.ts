import { formatCount, formatDollars, formatDuration } from "../../cli/format.ts";
import { planScale } from "../../cli/plan-scale.ts";
import { countWork } from "../../functions/core/cost/count-work.ts";
import {
  DEFAULT_DEPLOYMENT,
  functionSeconds,
  statisticsUnits,
  priceOf,
  totalMessages,
  totalRequests,
  totalWrites,
} from "../../functions/core/cost/price-and-time.ts";
import { PRICES, QUOTAS } from "../../functions/core/cost/price-table.ts";
import type { ScalePrediction } from "../../functions/core/cost/scale-model.ts";
import type { WorkCount } from "../../functions/core/cost/work-count.ts";
import { TRACKING_LEVELS, type TrackingLevel } from "../../functions/core/cost/work-shape.ts";
import { DEFAULT_CONFIG } from "../../functions/engine/config.ts";
import { chordShape } from "../../functions/engine/plan/chord-shape.ts";
import { protocolOf } from "../../functions/engine/plan/job-shape.ts";

/** The figures that guides quote, as Markdown. Each has the name in the marker of its guide. */
export const FIGURES: { readonly [name: string]: () => string } = {
  "scale-paged": () => scaleTable([1e6, 1e7, 1e8], false),
  "scale-one-group": () => scaleTable([1e6], true),
  "scale-phases": phaseTable,
  "scale-partitions": partitionTable,
  "scale-section-19": comparedTable,
  prices: priceTable,
  "million-tasks": millionTasks,
  "million-jobs": millionJobs,
};

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
type Scale = ScalePrediction & { readonly count: WorkCount };
const predicted = new Map<string, Scale>();
/** Predicts a chord whose tasks take no time, so only the engine's time is left. */
export function scaleOf(children: number, level: TrackingLevel, oneGroup = false): Scale {
  const key = `${children}|${level}|${oneGroup}`;
  const known =
    predicted.get(key) ?? planScale({ children, level, oneGroup, secondsPerTask: 0, slots: DEFAULT_DEPLOYMENT.slots });
  predicted.set(key, known);
  return known;
}

function scaleTable(sizes: readonly number[], oneGroup: boolean): string {
  const rows = sizes.flatMap((children) =>
    TRACKING_LEVELS.map((level) => {
      const { count, price, perSecond, limitedBy, seconds, secondsOnNewTables } = scaleOf(children, level, oneGroup);
      const each = (total: number, digits: number): string => (total / children).toFixed(digits);
      return [
        formatCount(children),
        level,
        each(totalWrites(count), 3),
        each(totalRequests(count), 4),
        formatDollars(price.total),
        formatCount(perSecond),
        limitedBy,
        formatDuration(seconds),
        formatDuration(secondsOnNewTables),
      ];
    }),
  );
  return markdown(
    [
      "children",
      "level",
      "writes each",
      "requests each",
      "price",
      "per second",
      "limited by",
      "takes",
      "on new tables",
    ],
    rows,
  );
}
function phaseTable(): string {
  const rows = TRACKING_LEVELS.flatMap((level) =>
    scaleOf(1e7, level).phases.map((phase, k) => [
      k === 0 ? level : "",
      phase.name,
      formatDuration(phase.seconds),
      phase.limitedBy,
    ]),
  );
  return markdown(["level", "phase", "takes", "limited by"], rows);
}
function partitionTable(): string {
  const paged = TRACKING_LEVELS.map((level) => scaleOf(1e8, level));
  const names = paged[0]?.partitions.map(({ name }) => name) ?? [];
  const cell = ({ partitions }: Scale, name: string): string => {
    const load = partitions.find((each) => each.name === name);
    return load ? `${formatCount(Math.ceil(load.writes))} / ${formatCount(Math.ceil(load.reads))}` : "-";
  };
  const limit = `${formatCount(QUOTAS.partition.writes)} / ${formatCount(QUOTAS.partition.reads)}`;
  const rows = names.map((name) => [name, ...paged.map((scale) => cell(scale, name))]);
  return markdown(
    ["one partition: writes / reads in its busiest second", ...TRACKING_LEVELS],
    [...rows, ["**limit**", ...paged.map(() => limit)]],
  );
}

/** The table of docs/protocol-rules.md, section 19, as it stands there. */
export const SECTION_19: readonly {
  readonly level: TrackingLevel;
  readonly writes: number;
  readonly dollars: number;
  readonly at4000: number;
  readonly at40000: number;
}[] = [
  { level: "full", writes: 3.1, dollars: 1.94, at4000: 1_300, at40000: 12_900 },
  { level: "lazy", writes: 2.1, dollars: 1.31, at4000: 1_900, at40000: 19_000 },
  { level: "result", writes: 1.1, dollars: 0.69, at4000: 3_600, at40000: 36_000 },
  { level: "ledger", writes: 0.1, dollars: 0.06, at4000: 40_000, at40000: 400_000 },
];
/** Counts like section 19: all writes against the limit of one table. */
export function writesEach(level: TrackingLevel): number {
  return totalWrites(scaleOf(1e6, level, true).count) / 1e6;
}
function comparedTable(): string {
  const rows = SECTION_19.map(({ level, writes, dollars, at4000, at40000 }) => {
    const own = writesEach(level);
    const percent = Math.round(100 * (own / writes - 1));
    return [
      level,
      `${Math.round(scaleOf(1e6, level, true).packed)}`,
      `${writes} → ${own.toFixed(3)} (${percent} %)`,
      `${dollars} → ${(own * PRICES.writeUnit * 1e6).toFixed(2)}`,
      `${formatCount(at4000)} → ${formatCount(QUOTAS.newTable.writes / own)}`,
      `${formatCount(at40000)} → ${formatCount(QUOTAS.table.writes / own)}`,
    ];
  });
  return markdown(
    [
      "level",
      "members per message",
      "writes each",
      "$ of writes for 1 M",
      "per second at 4,000 W/s",
      "per second at 40,000 W/s",
    ],
    rows,
  );
}

const perMillion = (price: number): string => `$${Number((price * 1e6).toPrecision(6))} per million`;
function priceTable(): string {
  return markdown(
    ["what", "price"],
    [
      ["DynamoDB on demand, write unit (1 KB)", perMillion(PRICES.writeUnit)],
      ["DynamoDB on demand, read unit (4 KB, consistent)", perMillion(PRICES.readUnit)],
      ["DynamoDB storage with point-in-time recovery", `$${PRICES.storageGbMonth} per GB and month`],
      ["SQS standard request, with the surcharge for message groups", perMillion(PRICES.queueRequest)],
      ["Lambda arm64", `$${PRICES.gigabyteSecond} per GB-second + ${perMillion(PRICES.invocation)} invocations`],
      ["S3: write · read of a blob", `${perMillion(PRICES.blobWrite)} · ${perMillion(PRICES.blobRead)}`],
      ["REST API request", "$3.50 per million"],
      ["Step Functions, standard", "$25 per million transitions"],
      ["CloudWatch logs · custom metric · alarm · dashboard", "$0.50 per GB · $0.30 · $0.10 · $3 per month"],
    ],
  );
}

const PROTOCOL = protocolOf(DEFAULT_CONFIG, 900);
const LOGS_PER_GB = 0.5;
/** Costs that the engine does not count: logs, and rows that stay. */
function beside(invocations: number, rowKilobytes: number): [string, string, number][] {
  const logs = (invocations / 1e6) * LOGS_PER_GB;
  const storage = (rowKilobytes / 1e6) * (37 / 30) * PRICES.storageGbMonth;
  return [
    ["logs", "1 KB per invocation", logs],
    [
      "storage",
      `${(rowKilobytes / 1e6).toFixed(1)} GB for 37 days: 30 until the job's deadline, 7 of retention`,
      storage,
    ],
  ];
}
function dollarTable(rows: readonly (readonly [string, string, number])[]): string {
  const total = rows.reduce((sum, [, , dollars]) => sum + dollars, 0);
  const lines = rows.map(([what, arithmetic, dollars]) => [what, arithmetic, dollars.toFixed(2)]);
  return markdown(["", "arithmetic", "$"], [...lines, ["**together**", "", `**${total.toFixed(2)}**`]]);
}
function millionTasks(): string {
  const { job, pages } = chordShape({ children: 1e6, level: "lazy" }, PROTOCOL.width);
  const count = countWork(job, pages, PROTOCOL, { valueBytes: 0, messagesPerReceive: 1 });
  return dollarTable([...engineRows(count, 0.1), ...beside(count.requests.receive, 1.1 * 1e6)]);
}
function millionJobs(): string {
  const count = countWork({ steps: [{ queue: "default", delaySeconds: 0 }] }, { writes: 0, blobs: 0 }, PROTOCOL);
  const million: WorkCount = {
    ...count,
    taskRuns: 1e6,
    writes: {
      rows: count.writes.rows * 1e6,
      ledger: count.writes.ledger * 1e6,
      headers: count.writes.headers * 1e6,
      plan: 0,
      jobs: count.writes.jobs * 1e6,
    },
    reads: count.reads * 1e6,
    messages: { default: 1e6 },
    requests: { send: 1e6, receive: 1e6, delete: 1e6 },
  };
  return dollarTable([
    ...engineRows(million, 0.1),
    ["API", "1 request to start, 1 to ask: 2 M x $3.50/M", 7],
    ...beside(3e6, 3 * 1e6),
  ]);
}
function engineRows(count: WorkCount, secondsPerTask: number): [string, string, number][] {
  const { parts } = priceOf(count, secondsPerTask);
  const { send, receive } = count.requests;
  const millions = (n: number): string => `${(n / 1e6).toFixed(2)} M`;
  const writes = parts.rows + parts.ledger + parts.headers + parts.plan + parts.jobs;
  const seconds = functionSeconds(count, secondsPerTask, DEFAULT_DEPLOYMENT);
  return [
    [
      "writes",
      `${millions(totalWrites(count))} units x ${PRICES.writeUnit * 1e6}, and ${formatCount(count.blobs)} blobs`,
      writes,
    ],
    [
      "statistics",
      `${millions(statisticsUnits(count))} units, three for each invocation x ${PRICES.writeUnit * 1e6}`,
      parts.statistics,
    ],
    ["reads, at most", `${millions(count.reads)} units x ${PRICES.readUnit * 1e6}`, parts.reads],
    [
      "messages",
      `${millions(totalMessages(count))}: ${millions(send)} sends of up to ten, received and deleted one by one, as at worst: ${millions(totalRequests(count))} x ${PRICES.queueRequest * 1e6}`,
      parts.queue,
    ],
    [
      "functions",
      `${millions(receive)} invocations; ${formatCount(seconds)} s of 1 GB: tasks of ${secondsPerTask} s, up to ${DEFAULT_DEPLOYMENT.slots} side by side, and the engine`,
      parts.functions,
    ],
  ];
}
