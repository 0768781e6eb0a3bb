import type { Command } from "commander";
import { badCall } from "../answer-value.ts";
import { action, command, type Context, wholeNumber } from "../command.ts";
import { requireServer } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { further } from "../repository.ts";
import { prepareWork } from "../start-work.ts";
import { startOptions, workOptions, type StartCommandOptions } from "./run.ts";
import { submitItems } from "./submit-items.ts";
import { submitBatch } from "./submit-batch.ts";

interface SubmitOptions extends StartCommandOptions {
  readonly batch?: string;
  readonly items?: string;
  readonly chunkSize?: number;
}
const EXAMPLE = `fanfold submit example.sum-of-sums --field n=1000
fanfold submit --batch starts.ndjson --key monday    a job for each line
fanfold submit compress.json --items files.ndjson --key monday    the canvas for chunks of items`;

export function submitCommand(): Command {
  const target = command(
    "submit",
    "Start a workflow or canvas on a server and return at once; prints the job's id",
    EXAMPLE,
  );
  return startOptions(target, "[what]")
    .option(
      "--batch <file>",
      "start a job for each line of a file (- reads stdin): {canvas} or {workflow, fields}, with idempotencyKey and timeoutSeconds if wanted",
    )
    .option(
      "--items <file>",
      "run the canvas for chunks of a file's items (- reads stdin), one a line: a path as JSON text, or an object with path",
    )
    .option("--chunk-size <n>", "with --items: items of a chunk, 40 by default", wholeNumber(1, 4_096))
    .action(
      action(async (context: Context, options: SubmitOptions, what: string | undefined) => {
        if (options.batch !== undefined) return submitBatch(context, { ...options, batch: options.batch }, what);
        if (options.items !== undefined) return submitItems(context, { ...options, items: options.items }, what);
        if (options.chunkSize !== undefined) throw badCall("--chunk-size", "--chunk-size belongs to --items");
        if (what === undefined) throw badCall("WHAT", "name a workflow or a file with a canvas, or give --batch");
        return submitOne(context, options, what);
      }),
    );
}

async function submitOne({ terminal }: Context, options: StartCommandOptions, what: string): Promise<number> {
  const work = prepareWork(what, workOptions(options));
  const { client } = await requireServer(options);
  const submitted = await work.start(client);
  if (terminal.json) await terminal.printJson(submitted);
  else {
    await terminal.print(`${submitted.jobId}\n`);
    terminal.say(
      `${submitted.created ? "started" : "already started with this key"}; watch it: ${further(options.data, `watch ${submitted.jobId}`)}`,
    );
  }
  return EXIT.success;
}
