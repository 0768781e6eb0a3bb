import { type Command, Option } from "commander";
import type { Wait } from "../../functions/client/index.ts";
import { action, command, ownOptions, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { withEngine } from "../connect.ts";
import { formatCount, formatDuration, oneLine, table } from "../format.ts";
import { printList, type WatchOptions, withWatch } from "../watch-list.ts";

interface WaitsOptions extends CommonOptions, WatchOptions {
  readonly of?: Wait["of"];
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold waits
fanfold waits --of approval`;

export function waitsCommand(): Command {
  return withWatch(command("waits", "List the approvals and events that runs of all jobs wait for", EXAMPLE))
    .addOption(new Option("--of <kind>", "only these").choices(["approval", "event"]))
    .option("--limit <n>", "look at so many open groups at most", wholeNumber(1, 500), 200)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async (context: Context, options: WaitsOptions) =>
        withEngine(options, "manage", ({ client }) =>
          printList(context, options, async () => {
            const { watch: _watch, ...filter } = ownOptions(options);
            const page = await client.waits(filter);
            const none = page.cursor === undefined ? "nothing waits for a person" : "none so far";
            const more = page.cursor === undefined ? [] : [`more: --cursor ${page.cursor}`];
            const { items } = page;
            return items.length === 0
              ? { json: [page], lines: [], notes: [none, ...more] }
              : { json: [page], lines: waitLines(items, context.terminal.columns(), Date.now()), notes: more };
          }),
        ),
      ),
    );
}

function waitLines(waits: readonly Wait[], width: number, now: number): string[] {
  return table(
    [
      { title: "OF" },
      { title: "NAME" },
      { title: "RUNS", right: true },
      { title: "FOR", right: true },
      { title: "ENDS IN", right: true },
      { title: "WHO" },
      { title: "RUN" },
    ],
    waits.map(({ of, name, runs, more, since, expiresAt, workflow, task, runId }) => [
      of,
      oneLine(name, 40),
      `${formatCount(runs)}${more ? "+" : ""}`,
      formatDuration(Math.max(0, now - since) / 1_000),
      expiresAt === undefined ? "-" : formatDuration(Math.max(0, expiresAt - now) / 1_000),
      oneLine(workflow ?? task ?? "-", 40),
      runId,
    ]),
    width,
  );
}
