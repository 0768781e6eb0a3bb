import type { Command } from "commander";
import type { Site } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { formatCount, formatRate, oneLine, table } from "../format.ts";
import { printList, type WatchOptions, withWatch } from "../watch-list.ts";

export function sitesCommand(): Command {
  return withWatch(
    command(
      "sites",
      "List sites: their queues, workers and work, and whether they are paused",
      "fanfold sites --watch",
    ),
  ).action(
    action(async (context: Context, options: CommonOptions & WatchOptions) =>
      withEngine(options, "manage", ({ client }) =>
        printList(context, options, async () => {
          const sites = await client.sites();
          return { json: sites, lines: siteLines(sites, context.terminal.columns()) };
        }),
      ),
    ),
  );
}
function siteLines(sites: readonly Site[], width: number): string[] {
  return table(
    [
      { title: "SITE" },
      ...["QUEUES", "WORKERS", "QUEUED", "IN FLIGHT", "STARTED", "5 MIN"].map((title) => ({
        title,
        right: true as const,
      })),
      { title: "STATE" },
      { title: "PROCESS" },
    ],
    sites.map(({ site, queues, workers, queued, inFlight, started, runsPerSecond, paused, process }) => [
      oneLine(site, 60),
      formatCount(queues.length),
      formatCount(workers),
      ...[queued, inFlight, started].map((count) => (count === undefined ? "?" : formatCount(count))),
      formatRate(runsPerSecond),
      paused ? "paused" : "open",
      process ? "on" : "off",
    ]),
    width,
  );
}
