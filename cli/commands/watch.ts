import type { Command } from "commander";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { callAs } from "../repository.ts";
import { watchUnlessInterrupted } from "../watch-job.ts";

export function watchCommand(): Command {
  const summary = "Show the progress of a job until it ends. Without a dev server the job goes on in this process.";
  return command("watch", summary, "fanfold watch 01JD2Y8ZK5W0E3T7Q9M4R6X8AB")
    .argument("<id>", "id of the job")
    .action(
      action((context: Context, options: CommonOptions, id: string) =>
        withEngine(options, "run", async ({ client }) => {
          const job = await watchUnlessInterrupted(client, id, context, `Watch it again: ${callAs()} watch ${id}`);
          if (job === undefined) return EXIT.interrupted;
          if (context.terminal.json) await context.terminal.printJson(job);
          return exitCodeOf(job.state);
        }),
      ),
    );
}
