import type { Command } from "commander";
import type { Json } from "../../functions/client/index.ts";
import { action, command, wholeNumber, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { oneLine, table } from "../format.ts";
import { longId } from "../short-id.ts";

interface ReportsOptions extends CommonOptions {
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold reports 01JD2Y8ZK5W0E3T7Q9M4R6X8AB
fanfold reports 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g.2 --json     items of one run`;

/** The message of an item as a person reads it. It is stored as a list of texts. */
function messageText(message: Json | undefined): string {
  if (message === undefined) return "";
  const texts = Array.isArray(message) ? message : [message];
  return texts.map((text) => (typeof text === "string" ? text : JSON.stringify(text))).join("; ");
}

export function reportsCommand(): Command {
  return command("reports", "List what path tasks have streamed of their items", EXAMPLE)
    .argument("<id>", "id of the job, or of one run")
    .option("--limit <n>", "at most this many", wholeNumber(1, 1_000), 100)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async ({ terminal }: Context, { limit, cursor, ...options }: ReportsOptions, given: string) => {
        return withEngine(options, "manage", async ({ client }) => {
          const id = await longId(client, given);
          const jobId = id.split(".")[0] as string;
          const page = await client.reports(jobId, {
            limit,
            ...(id !== jobId && { run: id }),
            ...(cursor !== undefined && { cursor }),
          });
          if (terminal.json) await terminal.printJson(page);
          else if (page.items.length === 0) terminal.say("no items were streamed");
          else {
            const rows = page.items.map(({ runId, state, item }) => [
              state,
              oneLine(item["path"] as string, 200),
              runId,
              oneLine(messageText(item["message"]), 120),
            ]);
            const titles = [{ title: "STATE" }, { title: "PATH" }, { title: "RUN" }, { title: "MESSAGE" }];
            await terminal.print(`${table(titles, rows, terminal.columns()).join("\n")}\n`);
          }
          if (!terminal.json && page.cursor !== undefined) terminal.say(`more: --cursor ${page.cursor}`);
          return EXIT.success;
        });
      }),
    );
}
