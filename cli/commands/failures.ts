import type { Command } from "commander";
import type { FailureGroup } from "../../functions/client/index.ts";
import { action, command, ownOptions, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCount, formatDuration, oneLine, table } from "../format.ts";
import { timeOf } from "../time-option.ts";

interface FailuresOptions extends CommonOptions {
  readonly task?: string;
  readonly reason?: string;
  readonly since?: number;
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold failures --since 2h
fanfold failures --task files.copy --reason ENOSPC`;

export function failuresCommand(): Command {
  return command("failures", "List the failures of all jobs by task and reason", EXAMPLE)
    .option("--task <task>", "only those of this task")
    .option("--reason <reason>", "only those with this reason, or with this name of the error when it has none")
    .option("--since <time>", "only those after this time: 30m, 2h, 7d, or a date like 2026-11-30T21:00Z", timeOf)
    .option("--limit <n>", "at most this many kinds", wholeNumber(1, 100), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async ({ terminal }: Context, options: FailuresOptions) =>
        withEngine(options, "manage", async ({ client }) => {
          const page = await client.failures(ownOptions(options));
          if (terminal.json) await terminal.printJson(page);
          else if (page.items.length === 0) terminal.say(page.cursor === undefined ? "no failures" : "none so far");
          else await terminal.print(`${failureLines(page.items, terminal.columns(), Date.now()).join("\n")}\n`);
          if (!terminal.json && page.cursor !== undefined) terminal.say(`more: --cursor ${page.cursor}`);
          return EXIT.success;
        }),
      ),
    );
}

function failureLines(groups: readonly FailureGroup[], width: number, now: number): string[] {
  const ago = (at: number): string => `${formatDuration(Math.max(0, now - at) / 1_000)} ago`;
  return table(
    [
      { title: "TASK" },
      { title: "REASON" },
      { title: "COUNT", right: true },
      { title: "FIRST", right: true },
      { title: "LAST", right: true },
      { title: "NEWEST RUN" },
      { title: "ERROR" },
    ],
    groups.map(({ task, reason, count, more, firstAt, lastAt, runIds, error }) => [
      oneLine(task, 40),
      oneLine(reason, 40),
      `${formatCount(count)}${more ? "+" : ""}`,
      ago(firstAt),
      ago(lastAt),
      runIds[0] ?? "-",
      oneLine(`${error.name}: ${error.message}`, 120),
    ]),
    width,
  );
}
