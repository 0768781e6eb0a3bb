import { type Command, Option } from "commander";
import type { Identity, RunStatus } from "../../functions/client/index.ts";
import { RUN_STATUSES } from "../../functions/core/plan/run-state.ts";
import { action, command, ownOptions, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { oneLine, table } from "../format.ts";
import { whyText } from "../why-text.ts";

interface IdentitiesOptions extends CommonOptions {
  readonly task?: string;
  readonly blob?: string;
  readonly status?: RunStatus;
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold identities --task digest
fanfold identities --task digest --status broken
fanfold identities --blob 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824`;

export function identitiesCommand(): Command {
  return command("identities", "List the runs that jobs share, of tasks that say `listed: true`", EXAMPLE)
    .option("--task <task>", "those of this task")
    .option("--blob <sha256>", "those that were given this blob")
    .addOption(new Option("--status <status>", "only those with this status").choices(RUN_STATUSES))
    .option("--limit <n>", "look at so many runs at most", wholeNumber(1, 100), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async ({ terminal }: Context, options: IdentitiesOptions) =>
        withEngine(options, "manage", async ({ client }) => {
          const page = await client.identities(ownOptions(options));
          if (terminal.json) await terminal.printJson(page);
          else if (page.items.length === 0) terminal.say(page.cursor === undefined ? "no runs match" : "none so far");
          else await terminal.print(`${identityLines(page.items, terminal.columns()).join("\n")}\n`);
          if (!terminal.json && page.cursor !== undefined) terminal.say(`more: --cursor ${page.cursor}`);
          return EXIT.success;
        }),
      ),
    );
}
function identityLines(identities: readonly Identity[], width: number): string[] {
  return table(
    [
      { title: "RUN" },
      { title: "STATUS" },
      { title: "VERSION", right: true },
      { title: "ARGUMENTS" },
      { title: "WHY" },
    ],
    identities.map((each) => [
      each.runId,
      each.status,
      `${each.version ?? 0}${each.outdated ? " outdated" : ""}`,
      oneLine(JSON.stringify(each.args).slice(1, -1), 60),
      oneLine(whyText(each), 80),
    ]),
    width,
  );
}
