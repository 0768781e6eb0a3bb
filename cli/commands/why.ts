import type { Command } from "commander";
import type { Client, Run } from "../../functions/client/index.ts";
import { badCall } from "../answer-value.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { longId } from "../short-id.ts";
import { whyText } from "../why-text.ts";

const EXAMPLE = "fanfold why 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g.2";
/** Runs of a chain of causes that are shown. */
const LONGEST = 20;

export function whyCommand(): Command {
  return command("why", "Say why a run has run, or why no code of it ran, back to the first cause", EXAMPLE)
    .argument("<id>", "id of the run")
    .action(
      action(async ({ terminal }: Context, options: CommonOptions, id: string) =>
        withEngine(options, "manage", async ({ client }) => {
          const runId = await longId(client, id);
          if (!runId.includes(".")) throw badCall("ID", `${id} is a job; name one of its runs, such as ${id}.0`);
          const chain = await causesOf(client, runId);
          if (terminal.json) await terminal.printJson({ items: chain.map(factsOf) });
          else await terminal.print(`${chain.map(lineOf).join("\n")}\n`);
          return EXIT.success;
        }),
      ),
    );
}
/** Follows a run to the one because of which it ran, and so on. */
async function causesOf(client: Client, id: string): Promise<readonly Run[]> {
  const chain: Run[] = [];
  for (let next: string | undefined = id; next !== undefined && chain.length < LONGEST;) {
    const run: Run = await client.run(next);
    chain.push(run);
    const { why } = run;
    const by = why && "runId" in why ? why.runId : run.cause?.at(-1);
    next = by === undefined || chain.some(({ runId }) => runId === by) ? undefined : by;
  }
  return chain;
}
const factsOf = ({ runId, task, status, round, why, version, verified, failures, retryAt, outdated, cause }: Run) => ({
  runId,
  task,
  status,
  round,
  why,
  version,
  verified,
  failures,
  retryAt,
  outdated,
  cause,
});
function lineOf(run: Run): string {
  const { runId, task, status, round, outdated = [], cause = [], why, failures, retryAt } = run;
  const name = `${task ?? "group"} ${runId}, ${status}${round > 0 ? `, round ${round}` : ""}`;
  const changed = why?.of === "version" && cause.length > 0 ? `; the end of ${cause.at(-1)} has changed` : "";
  const stale = outdated.map(
    ({ task: by, from, to }) => `\n    outdated: ${by} has version ${to}, this was made with ${from}`,
  );
  const again = retryAt === undefined ? "it is given up" : `it runs again at ${new Date(retryAt).toISOString()}`;
  const tier = failures === undefined ? "" : `\n    failed ${failures} times in a row: ${again}`;
  return `${name}\n    ${whyText(run)}${changed}${tier}${stale.join("")}`;
}
