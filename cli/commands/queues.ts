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
      "List queues: what waits in them, how old it is, how fast it is done, and what a pause holds",
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
  return table(
    [
      { title: "QUEUE" },
      ...["READY", "DELAYED", "IN FLIGHT", "STARTED", "OLDEST", "5 MIN", "DRAIN", "PARKED"].map((title) => ({
        title,
        right: true as const,
      })),
      { title: "STATE" },
    ],
    queues.map(({ name, depth, oldestSeconds, started, runsPerSecond, drainSeconds, paused, parked, parkedMore }) => [
      oneLine(name, 60),
      ...[depth?.ready, depth?.delayed, depth?.inFlight, started].map((count) =>
        count === undefined ? "?" : formatCount(count),
      ),
      oldestSeconds === undefined ? "" : formatDuration(oldestSeconds),
      formatRate(runsPerSecond),
      drainSeconds === undefined ? "?" : formatDuration(drainSeconds),
      `${formatCount(parked)}${parkedMore ? "+" : ""}`,
      paused ? "paused" : "open",
    ]),
    width,
  );
}
