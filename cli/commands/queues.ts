import type { Command } from "commander";
import type { Queue } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatDuration, oneLine, table } from "../format.ts";

export function queuesCommand(): Command {
  return command(
    "queues",
    "List queues: what waits in them and for them, how old it is, and what a pause holds",
    "fanfold queues",
  ).action(
    action(async ({ terminal }: Context, options: CommonOptions) =>
      withEngine(options, "manage", async ({ client }) => {
        const queues = await client.queues();
        if (terminal.json) for (const queue of queues) await terminal.printJson(queue);
        else await terminal.print(`${tableOf(queues, terminal.columns()).join("\n")}\n`);
        return EXIT.success;
      }),
    ),
  );
}
function tableOf(queues: readonly Queue[], width: number): string[] {
  return table(
    [
      { title: "QUEUE" },
      ...["READY", "DELAYED", "IN FLIGHT", "OLDEST", "CAP", "BACKLOG", "PARKED"].map((title) => ({
        title,
        right: true as const,
      })),
      { title: "STATE" },
    ],
    queues.map(({ name, depth, oldestSeconds, paused, parked, parkedMore, cap, backlog, backlogMore }) => [
      oneLine(name, 60),
      ...[depth?.ready, depth?.delayed, depth?.inFlight].map((count) =>
        count === undefined ? "?" : formatCount(count),
      ),
      oldestSeconds === undefined ? "" : formatDuration(oldestSeconds),
      cap === undefined ? "" : formatCount(cap),
      backlog === undefined ? "" : `${formatCount(backlog)}${backlogMore ? "+" : ""}`,
      `${formatCount(parked)}${parkedMore ? "+" : ""}`,
      paused ? "paused" : "open",
    ]),
    width,
  );
}
