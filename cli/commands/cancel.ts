import type { Command } from "commander";
import type { Client } from "../../functions/client/index.ts";
import { badCall } from "../answer-value.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { oneLine } from "../format.ts";
import { filterOf, moreStamps, type Stamp } from "../stamp-option.ts";
import { longId } from "../short-id.ts";

interface CancelOptions extends CommonOptions {
  readonly stamp?: readonly Stamp[];
}
const EXAMPLE = `fanfold cancel 01JD2Y8ZK5W0E3T7Q9M4R6X8AB                     the job
fanfold cancel 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --stamp team=blue   its runs that carry the stamp
fanfold cancel 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g.2               one run, and what would have followed it
fanfold cancel 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0.g                 a group`;

export function cancelCommand(): Command {
  return command(
    "cancel",
    "Cancel a job, a run or a group: running tasks are asked to stop, waiting ones never start",
    EXAMPLE,
  )
    .argument("<id>", "id of the job; ids of runs and groups begin with it and a dot")
    .option(
      "--stamp <name=value>",
      "only the runs of the job that carry this stamp, including future ones; repeatable",
      moreStamps,
    )
    .action(
      action(async ({ terminal }: Context, { stamp, ...options }: CancelOptions, given: string) => {
        const one = given.includes(".");
        if (one && stamp !== undefined) throw badCall("--stamp", `--stamp is for jobs; ${given} is a run or a group`);
        return withEngine(options, "manage", async ({ client }) => {
          const id = await longId(client, given);
          const cancelled = await cancel(client, id, one, stamp);
          if (terminal.json) await terminal.printJson({ [one ? "runId" : "jobId"]: id, cancelled });
          else await terminal.print(cancelled ? `cancelled ${named(id, stamp)}\n` : `${id} had already ended\n`);
          return EXIT.success;
        });
      }),
    );
}
async function cancel(client: Client, id: string, one: boolean, stamp: CancelOptions["stamp"]): Promise<boolean> {
  if (one) return client.cancelRun(id);
  const { stamps } = filterOf(stamp);
  return client.cancel(id, stamps && { stamps });
}
function named(id: string, stamps: CancelOptions["stamp"]): string {
  if (stamps === undefined) return id;
  return `the runs of ${id} with ${stamps.map(({ name, value }) => oneLine(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`, 60)).join(" or ")}`;
}
