import type { Command } from "commander";
import { readValue } from "../answer-value.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { longId } from "../short-id.ts";

interface SendOptions extends CommonOptions {
  readonly value?: string;
}

export function sendCommand(): Command {
  return command(
    "send",
    "Send an event to a job: every run that waits for it, now or later, receives the value. The first event of a name is kept.",
    `fanfold send 01JD2Y8ZK5W0E3T7Q9M4R6X8AB paid --value '{"amount": 12}'`,
  )
    .argument("<job>", "id of the job")
    .argument("<event>", "name of the event")
    .option("--value <json>", "value of the event, as JSON or else as text (default: null)")
    .action(
      action(async ({ terminal }: Context, options: SendOptions, given: string, name: string) => {
        const value = options.value === undefined ? null : readValue(options.value);
        return withEngine(options, "manage", async ({ client }) => {
          const id = await longId(client, given);
          const sent = await client.sendEvent(id, name, value);
          if (terminal.json) await terminal.printJson({ jobId: id, name, sent });
          else
            await terminal.print(
              sent ? `sent ${name} to ${id}\n` : `${name} was sent to ${id} before; the first one is kept\n`,
            );
          return EXIT.success;
        });
      }),
    );
}
