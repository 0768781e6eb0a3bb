import type { Command } from "commander";
import { action, command, type Context } from "../command.ts";
import { requireServer } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { further } from "../repository.ts";
import { prepareWork } from "../start-work.ts";
import { startOptions, workOptions, type StartCommandOptions } from "./run.ts";

export function submitCommand(): Command {
  return startOptions(
    command(
      "submit",
      "Start a workflow or canvas on the dev server and return at once; prints the job's id",
      "fanfold submit example.sum-of-sums --field n=1000",
    ),
  ).action(
    action(async ({ terminal }: Context, options: StartCommandOptions, what: string) => {
      const work = prepareWork(what, workOptions(options));
      const { client } = await requireServer(options.data);
      const submitted = await work(client);
      if (terminal.json) await terminal.printJson(submitted);
      else {
        await terminal.print(`${submitted.jobId}\n`);
        terminal.say(
          `${submitted.created ? "started" : "already started with this key"}; watch it: ${further(options.data, `watch ${submitted.jobId}`)}`,
        );
      }
      return EXIT.success;
    }),
  );
}
