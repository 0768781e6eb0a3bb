import type { Command } from "commander";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { exitCodeOf } from "../exit-codes.ts";
import { interruptedCode } from "../interrupt.ts";
import { further } from "../repository.ts";
import { sayRetry } from "../show-value.ts";
import { watchJob } from "../watch-job.ts";
import { longId } from "../short-id.ts";

export function watchCommand(): Command {
  const summary = "Show the progress of a job until it ends. Without a dev server, the job continues in this process.";
  return command("watch", summary, "fanfold watch 01JD2Y8ZK5W0E3T7Q9M4R6X8AB")
    .argument("<id>", "id of the job")
    .action(
      action((context: Context, options: CommonOptions, given: string) =>
        withEngine(options, "run", async ({ client }) => {
          const id = await longId(client, given);
          const job = await watchJob(client, id, context, [`watch it again: ${further(options.data, `watch ${id}`)}`]);
          if (job === undefined) return interruptedCode(context.interrupted);
          if (context.terminal.json) await context.terminal.printJson(job);
          sayRetry(job, context.terminal, options.data);
          return exitCodeOf(job.state);
        }),
      ),
    );
}
