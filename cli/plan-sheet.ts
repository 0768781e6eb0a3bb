import type { JobPlan } from "../functions/client/index.ts";
import { PART_NAMES } from "../functions/core/cost/job-estimate.ts";
import { type Price, PRICE_PARTS, totalMessages, totalWrites } from "../functions/core/cost/price-and-time.ts";
import type { ScalePrediction } from "../functions/core/cost/scale-model.ts";
import type { WorkCount } from "../functions/core/cost/work-count.ts";
import type { TrackingLevel } from "../functions/core/cost/work-shape.ts";
import { formatCount, formatCounted, formatDollars, formatDuration, oneLine, table } from "./format.ts";

/** Returns a plan as lines for people. */
export function planSheet(plan: JobPlan): string[] {
  const { taskRuns, members, groups, ledgerHeight, messages, requests, writeUnits, price, time, grows } = plan;
  const queues = Object.entries(messages.byQueue).map(([queue, count]) => `${formatCount(count)} ${queue}`);
  return [
    fact("task runs", `${formatCount(taskRuns)}${grows ? " known, more while it runs" : ""}`),
    ...(groups > 0
      ? [
          fact(
            "groups",
            `${formatCount(groups)} with ${formatCounted(members, "member")}, ledgers up to ${formatCounted(ledgerHeight, "level")}`,
          ),
        ]
      : []),
    fact("messages", `${formatCount(messages.total)}${queues.length > 0 ? `: ${queues.join(", ")}` : ""}`),
    fact(
      "requests",
      `${formatCount(requests.total)}: ${formatCount(requests.send)} sends, ${formatCount(requests.receive)} receives and as many deletes`,
    ),
    fact(
      "write units",
      `${formatCount(writeUnits.total)}, ${(writeUnits.total / Math.max(1, taskRuns)).toFixed(2)} for each task run`,
    ),
    "",
    ...priceTable(price, {
      ...writeUnits,
      statistics: plan.statisticsUnits,
      reads: plan.readUnitsAtMost,
      queue: requests.total,
    }),
    "",
    fact(
      "price",
      `${formatDollars(price.total)} (${price.region}, list prices of ${price.date}, ${formatDuration(plan.secondsPerTask)} a task)`,
    ),
    fact("time", `at least ${formatDuration(time.seconds)}; on new tables ${formatDuration(time.secondsOnNewTables)}`),
    fact("mostly", plan.dominates),
    ...plan.notes.map((note) => fact("note", note)),
  ];
}
function fact(name: string, text: string): string {
  return `${name.padEnd(13)}${oneLine(text)}`;
}
function priceTable(price: Price, units: { readonly [part: string]: number }): string[] {
  const rows = PRICE_PARTS.map((part) => [
    PART_NAMES[part],
    units[part] === undefined ? "" : formatCount(units[part]),
    formatDollars(price.parts[part]),
  ]);
  return table([{ title: "PART" }, { title: "UNITS", right: true }, { title: "PRICE", right: true }], rows);
}

export function scaleSheet(
  children: number,
  level: TrackingLevel,
  prediction: ScalePrediction & { readonly count: WorkCount },
): string[] {
  const { count, price, packed, perSecond, limitedBy, phases, partitions, seconds, secondsOnNewTables } = prediction;
  return [
    fact(
      "children",
      `${formatCount(children)} tracked ${level}, in pages of 4,096, ${Math.round(packed)} to a message`,
    ),
    fact("writes", `${formatCount(totalWrites(count))} units, ${(totalWrites(count) / children).toFixed(3)} a child`),
    fact("messages", formatCount(totalMessages(count))),
    fact("price", `${formatDollars(price.total)} (${price.region}, list prices of ${price.date})`),
    fact("pace", `${formatCount(perSecond)} children per second: ${limitedBy}`),
    fact("time", `${formatDuration(seconds)}; on new tables ${formatDuration(secondsOnNewTables)}`),
    "",
    ...table(
      [{ title: "PHASE" }, { title: "TAKES", right: true }, { title: "LIMITED BY" }],
      phases.map((phase) => [phase.name, formatDuration(phase.seconds), phase.limitedBy]),
    ),
    "",
    ...table(
      [
        { title: "ONE PARTITION, ITS BUSIEST SECOND" },
        { title: "WRITES", right: true },
        { title: "READS", right: true },
      ],
      partitions.map((load) => [load.name, formatCount(Math.ceil(load.writes)), formatCount(Math.ceil(load.reads))]),
    ),
  ];
}
