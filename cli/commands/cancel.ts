import type { Command } from "commander";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";

export function cancelCommand(): Command {
  return command("cancel", "Cancel a job: what runs is told to stop, what waits never starts", "fanfold cancel 01JD2Y8ZK5W0E3T7Q9M4R6X8AB")
    .argument("<id>", "id of the job")
    .action(
      action(async ({ terminal }: Context, options: CommonOptions, id: string) => {
        return withEngine(options, "look", async ({ client }) => {
          const cancelled = await client.cancel(id);
          if (terminal.json) await terminal.printJson({ jobId: id, cancelled });
          else await terminal.print(cancelled ? `cancelled ${id}\n` : `${id} had already ended\n`);
          return EXIT.success;
        });
      }),
    );
}
