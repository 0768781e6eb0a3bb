import type { Command } from "commander";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { connect } from "../connect.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { callAs } from "../repository.ts";
import { watchJob } from "../watch-job.ts";

export function watchCommand(): Command {
  const summary = "Show the progress of a job until it ends. Without a dev server the job goes on in this process.";
  return command("watch", summary, "fanfold watch 01JD2Y8ZK5W0E3T7Q9M4R6X8AB")
    .argument("<id>", "id of the job")
    .action(
      action(async ({ terminal, interrupted }: Context, { data, tasks }: CommonOptions, id: string) => {
        const { client, close } = await connect({ dataFolder: data, tasks }, 1);
        try {
          const job = await watchJob(client, id, terminal, interrupted);
          if (terminal.json) await terminal.printJson(job);
          return exitCodeOf(job.state);
        } catch (error) {
          if (!interrupted.aborted) throw error;
          terminal.say(`the job is kept; watch it again: ${callAs()} watch ${id}`);
          return EXIT.interrupted;
        } finally {
          await close();
        }
      }),
    );
}
