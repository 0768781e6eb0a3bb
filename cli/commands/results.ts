import type { Command } from "commander";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { resultLine } from "../show-value.ts";
import { longId } from "../short-id.ts";

export function resultsCommand(): Command {
  return command(
    "results",
    "Print the results of an ended job, in order; with --json one document per line",
    "fanfold results 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --json | jq .value",
  )
    .argument("<id>", "id of the job")
    .action(
      action(async ({ terminal, interrupted }: Context, options: CommonOptions, id: string) => {
        return withEngine(options, "manage", async ({ client }) => {
          for await (const entry of client.results(await longId(client, id), { signal: interrupted })) {
            if (terminal.json) await terminal.printJson(entry);
            else await terminal.print(`${resultLine(entry, terminal)}\n`);
          }
          return EXIT.success;
        });
      }),
    );
}
