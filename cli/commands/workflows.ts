import type { Command } from "commander";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { oneLine } from "../format.ts";
import { further } from "../repository.ts";
import { describeFields } from "../start-work.ts";

export function workflowsCommand(): Command {
  return command("workflows", "List the workflows that can be started, with their fields", "fanfold workflows").action(
    action(async ({ terminal }: Context, options: CommonOptions) => {
      return withEngine(options, "manage", async ({ client }) => {
        const workflows = await client.workflows();
        if (terminal.json) await terminal.printJson(workflows);
        for (const workflow of terminal.json ? [] : workflows) {
          await terminal.print(`${terminal.paint("bold", workflow.name)}  ${oneLine(workflow.description)}\n`);
          for (const field of describeFields(workflow))
            await terminal.print(`    ${oneLine(field, terminal.columns() - 4)}\n`);
        }
        if (!terminal.json)
          terminal.say(`start one: ${further(options.data, `run ${workflows[0]?.name ?? "NAME"} --field name=value`)}`);
        return EXIT.success;
      });
    }),
  );
}
