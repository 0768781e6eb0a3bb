import type { Command } from "commander";
import { action, collect, command, seconds, type CommonOptions, type Context } from "../command.ts";
import { withEngine, type Connection } from "../connect.ts";
import { exitCodeOf } from "../exit-codes.ts";
import { interruptedCode } from "../interrupt.ts";
import { further } from "../repository.ts";
import { sayRetry, showValue } from "../show-value.ts";
import { prepareWork, type Start } from "../start-work.ts";
import type { Terminal } from "../terminal.ts";
import { watchJob } from "../watch-job.ts";

export interface StartCommandOptions extends CommonOptions {
  readonly field: readonly string[];
  readonly key?: string;
  readonly timeout?: number;
}
interface RunCommandOptions extends StartCommandOptions {
  readonly foreground: boolean;
}
export const WHAT = "name of a workflow, or a JSON file with a canvas (- reads it from stdin)";
export function fieldOption(target: Command): Command {
  return target.option(
    "-f, --field <name=value>",
    "a field of the workflow, as JSON or else as text; repeatable",
    collect,
    [],
  );
}
export function foregroundOption(target: Command): Command {
  return target.option(
    "--foreground",
    "run the tasks in this process, one at a time, for a debugger: NODE_OPTIONS=--inspect-brk; needs no dev server",
    false,
  );
}
/** Adds the options of every command that starts a job. */
export function startOptions(target: Command, what = "<what>"): Command {
  return fieldOption(target)
    .argument(what, WHAT)
    .option("--key <key>", "Idempotency-Key: the same key with the same work returns the same job")
    .option("--timeout <seconds>", "end the job as timed-out after this many seconds", seconds);
}
export function workOptions({ field, key, timeout }: StartCommandOptions) {
  return {
    fields: field,
    ...(key !== undefined && { idempotencyKey: key }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
  };
}

const EXAMPLE = `fanfold run example.sum-of-sums --field n=1000
echo '{"task": "math.add", "args": [2, 3]}' | fanfold run - --json`;

export function runCommand(): Command {
  return foregroundOption(
    startOptions(
      command(
        "run",
        "Start a workflow or canvas and wait until it ends. Uses the dev server of the data folder, or an engine in this process.",
        EXAMPLE,
      ),
    ),
  ).action(
    action(async (context: Context, options: RunCommandOptions, what: string) => {
      const work = prepareWork(what, workOptions(options));
      const { data, foreground } = options;
      return withEngine(
        options,
        foreground ? "foreground" : "run",
        (connection) => runToEnd(connection, context, work, data),
        (found) => work.check(found),
      );
    }),
  );
}

async function runToEnd(connection: Connection, context: Context, work: Start, data: string): Promise<number> {
  const { jobId, created } = await work.start(connection.client);
  context.terminal.say(`job ${jobId}${created ? "" : " (started before with this key)"}`);
  return showEnd(connection, context, jobId, data);
}
/** Watches a job to its end, and prints its result. Returns the exit code. */
export async function showEnd(connection: Connection, context: Context, jobId: string, data: string): Promise<number> {
  const { client } = connection;
  const { terminal } = context;
  const job = await watchJob(client, jobId, context, nextCommands(connection, jobId, data));
  if (job === undefined) return interruptedCode(context.interrupted);
  if (terminal.json) await terminal.printJson(job);
  else await showValue(client, job, terminal, data);
  if (connection.foreground && job.error !== undefined) await sayStack(connection, terminal, job.error.runId);
  sayRetry(job, terminal, data);
  return exitCodeOf(job.state);
}
/** Says where the code of a run threw, as Node does of an error that nobody caught. */
async function sayStack({ client }: Connection, terminal: Terminal, runId: string): Promise<void> {
  const stack = (await client.run(runId)).detail?.stack;
  if (stack !== undefined) terminal.say(stack);
}
/** Returns what to do with a job that is left behind, a line each. */
export function nextCommands({ embedded }: Connection, jobId: string, data: string): string[] {
  const watch = further(data, `watch ${jobId}`);
  return embedded
    ? [`continue it: ${watch}`]
    : [`it continues; watch it: ${watch}`, `cancel it: ${further(data, `cancel ${jobId}`)}`];
}
