import type { Command } from "commander";
import type { JobEvent } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { oneLine } from "../format.ts";
import { interruptedCode } from "../interrupt.ts";
import { longId } from "../short-id.ts";
import type { Terminal } from "../terminal.ts";

interface EventsOptions extends CommonOptions {
  readonly follow: boolean;
}

export function eventsCommand(): Command {
  return command(
    "events",
    "Print what happened to a job, oldest first: its states and its failures; with --json one document per line",
    "fanfold events @last\nfanfold events 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --follow",
  )
    .argument("<id>", "id of the job")
    .option("--follow", "go on until the job has ended", false)
    .action(
      action(async ({ terminal, interrupted }: Context, { follow, ...options }: EventsOptions, given: string) =>
        // Without a dev server, somebody has to run what is followed.
        withEngine(options, follow ? "run" : "manage", async ({ client }) => {
          const id = await longId(client, given);
          try {
            for await (const event of client.events(id, { follow, signal: interrupted })) await print(terminal, event);
          } catch (error) {
            if (!interrupted.aborted) throw error;
            return interruptedCode(interrupted);
          }
          return EXIT.success;
        }),
      ),
    );
}

async function print(terminal: Terminal, event: JobEvent): Promise<void> {
  if (terminal.json) await terminal.printJson(event);
  else await terminal.print(`${eventLine(event, terminal.columns())}\n`);
}
function eventLine({ at, kind, state, round, runId, task, error }: JobEvent, width: number): string {
  const what =
    kind === "state"
      ? (state ?? "")
      : kind === "retried"
        ? `round ${round ?? ""} begins`
        : `${task ?? "group"} ${runId ?? ""}${error === undefined ? "" : `: ${error.name}: ${error.message}`}`;
  return oneLine(`${new Date(at).toISOString()}  ${kind.padEnd(7)}  ${what}`, Math.max(40, width));
}
