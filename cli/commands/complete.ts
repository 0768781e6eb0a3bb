import type { Command } from "commander";
import type { Client, Json } from "../../functions/client/index.ts";
import { badCall, readValue } from "../answer-value.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { further } from "../repository.ts";
import { longId } from "../short-id.ts";
import { inputText } from "./runs.ts";

interface CompleteOptions extends CommonOptions {
  readonly token?: string;
  readonly value?: string;
  readonly error?: string;
}
type Answer = { readonly value: Json } | { readonly error: { readonly name: string; readonly message: string } };

const EXAMPLE = `fanfold runs 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --status waiting
fanfold complete 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0~1 --value '{"approved": true}'
fanfold complete 01JD2Y8ZK5W0E3T7Q9M4R6X8AB.0~1 --error "too expensive"`;

export function completeCommand(): Command {
  return command("complete", "Answer a run that waits for an approval or for work done elsewhere", EXAMPLE)
    .argument("<run>", "id of the run")
    .option("--value <json>", "value of the run, as JSON or else as text")
    .option("--error <message>", "refuse: the run fails with this message")
    .option("--token <token>", "token that the run waits for (default: read from the run)")
    .action(
      action(async ({ terminal }: Context, options: CompleteOptions, given: string) => {
        const answer = answerOf(options);
        return withEngine(options, "manage", async ({ client }) => {
          if (answer === undefined) throw await whatIsAsked(client, given);
          const id = await longId(client, given);
          const token = options.token ?? (await tokenOf(client, id, options.data));
          const completed = await client.complete(id, token, answer);
          if (terminal.json) await terminal.printJson({ runId: id, completed });
          else await terminal.print(completed ? `answered ${id}\n` : `${id} was answered before, or has ended\n`);
          return EXIT.success;
        });
      }),
    );
}

/** Says what a run waits for, so that it can be answered. */
async function whatIsAsked(client: Client, given: string): Promise<Error> {
  const run = await longId(client, given)
    .then((id) => client.run(id))
    .catch(() => undefined);
  const about = run && (await inputText(client, run));
  const asked =
    run?.wait === undefined ? "" : `${run.wait.of} ${run.wait.name}${about === undefined ? "" : `, about ${about}`}: `;
  return badCall("--value", `${asked}give the answer: --value JSON, or --error MESSAGE`);
}
function answerOf({ value, error }: CompleteOptions): Answer | undefined {
  if (value === undefined && error === undefined) return undefined;
  if (value !== undefined && error !== undefined)
    throw badCall("--value", "give the answer: --value JSON, or --error MESSAGE, and not both");
  return value === undefined ? { error: { name: "Refused", message: error ?? "" } } : { value: readValue(value) };
}

/**
 * Returns the token that the run waits with. When there is nothing to answer, throws an error that says what to do
 * instead.
 */
async function tokenOf(client: Client, id: string, data: string): Promise<string> {
  if (!id.includes(".")) {
    await client.job(id);
    throw badCall(
      "RUN",
      `${id} is a job, not a run; to list its waiting runs: ${further(data, `runs ${id} --status waiting`)}`,
    );
  }
  const { jobId, status, wait } = await client.run(id);
  if (wait?.of === "event")
    throw badCall("RUN", `${id} waits for an event; send it: ${further(data, `send ${jobId} ${wait.name}`)}`);
  if (wait?.token !== undefined) return wait.token;
  throw badCall(
    "RUN",
    `${id} waits for no answer: it is ${status}; to list waiting runs: ${further(data, `runs ${jobId} --status waiting`)}`,
  );
}
