import type { Command } from "commander";
import type { Queue } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { formatCount, formatDuration, formatRate, oneLine, table } from "../format.ts";
import { printList, type WatchOptions, withWatch } from "../watch-list.ts";

export function queuesCommand(): Command {
  return withWatch(
    command(
      "queues",
      "List queues: what waits in them and for them, how old it is, how fast it is done, and what a pause holds",
      "fanfold queues\nfanfold queues --watch",
    ),
  ).action(
    action(async (context: Context, options: CommonOptions & WatchOptions) =>
      withEngine(options, "manage", ({ client }) =>
        printList(context, options, async () => {
          const queues = await client.queues();
          return { json: queues, lines: tableOf(queues, context.terminal.columns()) };
        }),
      ),
    ),
  );
}
function tableOf(queues: readonly Queue[], width: number): string[] {
  // Most deployments have no caps, and the table is wide.
  const capped = queues.some(({ backlog }) => backlog !== undefined);
  const numbers = [
    "READY",
    "DELAYED",
    "IN FLIGHT",
    "STARTED",
    "OLDEST",
    "5 MIN",
    "DRAIN",
    ...(capped ? ["BACKLOG"] : []),
  ];
  return table(
    [
      { title: "QUEUE" },
      ...[...numbers, "PARKED"].map((title) => ({ title, right: true as const })),
      { title: "STATE" },
    ],
    queues.map((queue) => [
      oneLine(queue.name, 60),
      ...[queue.depth?.ready, queue.depth?.delayed, queue.depth?.inFlight, queue.started].map((count) =>
        count === undefined ? "?" : formatCount(count),
      ),
      queue.oldestSeconds === undefined ? "" : formatDuration(queue.oldestSeconds),
      formatRate(queue.runsPerSecond),
      queue.drainSeconds === undefined ? "?" : formatDuration(queue.drainSeconds),
      ...(capped ? [backlogOf(queue)] : []),
      `${formatCount(queue.parked)}${queue.parkedMore ? "+" : ""}`,
      queue.paused ? "paused" : "open",
    ]),
    width,
  );
}
function backlogOf({ cap, backlog, backlogMore }: Queue): string {
  if (backlog === undefined) return "";
  return `${formatCount(backlog)}${backlogMore ? "+" : ""}${cap === undefined ? "" : ` (cap ${formatCount(cap)})`}`;
}
