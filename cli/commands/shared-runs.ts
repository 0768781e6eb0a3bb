import type { Command } from "commander";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { readCanvasFile } from "../start-work.ts";

interface ScheduleOptions extends CommonOptions {
  readonly retry?: boolean;
  readonly later?: boolean;
  readonly deleteExtraDeps?: boolean;
}
const SIGNATURE = "file with one signature as JSON (- reads stdin)";

export function scheduleCommand(): Command {
  return command(
    "schedule",
    "Ask for a run that jobs share, without a job; prints its id",
    `fanfold schedule digest.json            a signature: {"task": "digest", "args": ["a"]}
fanfold schedule digest.json --retry    run it again although it has ended`,
  )
    .argument("<file>", SIGNATURE)
    .option("--retry", "run it again although it has ended")
    .option("--later", "leave it to the sweep to send its message, some minutes later")
    .option("--delete-extra-deps", "take away dependencies that the signature does not name")
    .action(
      action(async ({ terminal }: Context, options: ScheduleOptions, file: string) =>
        withEngine(options, "manage", async ({ client }) => {
          const { retry, later, deleteExtraDeps } = options;
          const run = await client.scheduleRun(parseCanvas(readCanvasFile(file)), {
            ...(retry && { retry }),
            ...(later && { queueNow: false }),
            ...(deleteExtraDeps && { deleteExtraDeps }),
          });
          if (terminal.json) await terminal.printJson(run);
          else {
            await terminal.print(`${run.runId}\n`);
            terminal.say(`${run.begun ? "begun" : "it was there"}: ${run.status}`);
          }
          return EXIT.success;
        }),
      ),
    );
}
export function forgetCommand(): Command {
  return command(
    "forget",
    "Forget a run that jobs share: nobody takes its end any more",
    `fanfold forget digest.json    a signature: {"task": "digest", "args": ["a"]}`,
  )
    .argument("<file>", SIGNATURE)
    .action(
      action(async ({ terminal }: Context, options: CommonOptions, file: string) =>
        withEngine(options, "manage", async ({ client }) => {
          const run = await client.forgetRun(parseCanvas(readCanvasFile(file)));
          if (terminal.json) await terminal.printJson(run);
          else await terminal.print(`forgot ${run.runId}, which was ${run.status}\n`);
          return EXIT.success;
        }),
      ),
    );
}
