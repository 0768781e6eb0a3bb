import type { Command } from "commander";
import type { StatisticsPage, TaskFigures, TaskStatistics } from "../../functions/client/index.ts";
import { action, command, ownOptions, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { withEngine } from "../connect.ts";
import { formatBytes, formatCount, formatDuration, formatRate, formatShare, oneLine, table } from "../format.ts";
import { type Listed, printList, type WatchOptions, withWatch } from "../watch-list.ts";
import { longId } from "../short-id.ts";

interface StatsOptions extends CommonOptions, WatchOptions {
  readonly task?: string;
  readonly site?: string;
  readonly job?: string;
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold stats
fanfold stats --watch
fanfold stats --task acme.encode --site paris
fanfold stats --job 01JD2Y8ZK5W0E3T7Q9M4R6X8AB`;

export function statsCommand(): Command {
  return withWatch(
    command("stats", "Show statistics by task: counts, speed, durations and sizes. All are approximate", EXAMPLE),
  )
    .option("--task <name>", "only this task")
    .option("--site <name>", "count only what ran at this site")
    .option("--job <id>", "say also how far this job is, and how long it takes")
    .option("--limit <n>", "list at most this many tasks", wholeNumber(1, 100), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async (context: Context, options: StatsOptions) =>
        withEngine(options, "manage", async ({ client }) => {
          const { watch: _watch, job, ...filter } = ownOptions(options);
          const of = job === undefined ? filter : { ...filter, job: await longId(client, job) };
          return printList(context, options, async () =>
            listed(await client.statistics(of), context.terminal.columns()),
          );
        }),
      ),
    );
}
function listed(page: StatisticsPage, width: number): Listed {
  const more = page.cursor === undefined ? [] : [`more: --cursor ${page.cursor}`];
  return { json: [page], lines: statsLines(page, width), notes: more };
}
export function statsLines({ items, job }: StatisticsPage, width: number): string[] {
  return [
    ...(job ? [`job ${job.jobId}: ${progressOf(job)}`, ""] : []),
    ...(items.length > 0 ? taskLines(items, width) : ["no run has ended yet"]),
  ];
}
/** The progress line of a job: how far it is, how fast, and the time left. */
function progressOf({ state, ended, planned, perSecond, secondsLeft }: NonNullable<StatisticsPage["job"]>): string {
  const share = planned === 0 ? "" : ` (${formatShare(ended / planned)})`;
  const left = secondsLeft === undefined || secondsLeft === 0 ? "" : `, ${formatDuration(secondsLeft)} left`;
  return `${state}, ${formatCount(ended)} of ${formatCount(planned)} runs${share}, ${formatRate(perSecond)}${left}`;
}
const RIGHT = { right: true } as const;
function taskLines(items: readonly TaskStatistics[], width: number): string[] {
  return table(
    [
      { title: "TASK" },
      { title: "5 MIN", ...RIGHT },
      { title: "MEAN", ...RIGHT },
      { title: "BUSY", ...RIGHT },
      { title: "GOOD", ...RIGHT },
      { title: "TOTAL", ...RIGHT },
      { title: "MEAN", ...RIGHT },
      { title: "GOOD", ...RIGHT },
      { title: "FAILED", ...RIGHT },
      { title: "CANCELLED", ...RIGHT },
      { title: "RETRIED", ...RIGHT },
      { title: "KILLED", ...RIGHT },
      { title: "BYTES", ...RIGHT },
    ],
    items.map(({ task, recent, life }) => [
      oneLine(task, 40),
      formatRate(recent.perSecond),
      durationOf(recent),
      recent.busy.toFixed(1),
      goodOf(recent),
      formatCount(life.counts.success + life.counts.skipped),
      durationOf(life),
      goodOf(life),
      formatCount(life.counts.error + life.counts.broken),
      formatCount(life.counts.cancelled),
      formatCount(life.retried),
      formatCount(life.killed),
      formatBytes(life.bytes),
    ]),
    width,
  );
}
const durationOf = ({ meanSeconds }: TaskFigures): string =>
  meanSeconds === undefined
    ? "-"
    : meanSeconds < 1
      ? `${Math.round(meanSeconds * 1_000)} ms`
      : formatDuration(meanSeconds);
const goodOf = ({ successRate }: TaskFigures): string => (successRate === undefined ? "-" : formatShare(successRate));
