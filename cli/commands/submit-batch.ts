import type { StartOutcome } from "../../functions/client/index.ts";
import { isPlainObject } from "../../functions/core/json-check.ts";
import { parseJson } from "../../functions/core/json-text.ts";
import type { JsonObject } from "../../functions/core/json.ts";
import { badCall } from "../answer-value.ts";
import type { Context } from "../command.ts";
import { requireServer } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCounted, oneLine } from "../format.ts";
import { readTextOf } from "../start-work.ts";
import type { StartCommandOptions } from "./run.ts";

/** Starts a job for each line of a file. Prints an id, or a reason, for each line. */
export async function submitBatch(
  { terminal }: Context,
  { batch, ...options }: StartCommandOptions & { readonly batch: string },
  what: string | undefined,
): Promise<number> {
  if (what !== undefined) throw badCall("--batch", `--batch names the work; leave ${what} out`);
  if (options.field.length > 0) throw badCall("--field", "--field is for one workflow; a line has its own fields");
  const lines = readLines(batch);
  const { client } = await requireServer(options);
  const outcomes = await client.submitManyWire(lines.map((line) => startOf(line, options)));
  for (const [k, outcome] of outcomes.entries()) {
    if (terminal.json) await terminal.printJson(shown(outcome));
    else if ("jobId" in outcome) await terminal.print(`${outcome.jobId}\n`);
    else terminal.say(`line ${lines[k]?.number} refused: ${oneLine(outcome.error.message)} (${outcome.error.code})`);
  }
  const refused = outcomes.filter((outcome) => "error" in outcome).length;
  const known = outcomes.filter((outcome) => "jobId" in outcome && !outcome.created).length;
  const parts = [
    `${outcomes.length - refused - known} started`,
    ...(known > 0 ? [`${known} already started with their keys`] : []),
    ...(refused > 0 ? [`${refused} refused`] : []),
  ];
  terminal.say(`${formatCounted(outcomes.length, "line")}: ${parts.join(", ")}`);
  return refused === 0 ? EXIT.success : EXIT.failure;
}

interface Line {
  /** Counted from 1, as editors do. */
  readonly number: number;
  readonly start: JsonObject;
}
/** Returns the starts of a file, one per line. Empty lines are skipped. */
function readLines(file: string): readonly Line[] {
  return readTextOf(file)
    .split("\n")
    .flatMap((text, k) => {
      if (text.trim() === "") return [];
      const number = k + 1;
      const start = parseJson(text, `line ${number}`);
      if (!isPlainObject(start))
        throw badCall("--batch", `line ${number} must be an object: {"canvas": ...} or {"workflow": ...}`);
      return [{ number, start: start as JsonObject }];
    });
}
/** A key of the call gives each line a key, by its number. So the same call again starts nothing twice. */
function startOf({ number, start }: Line, { key, timeout }: Pick<StartCommandOptions, "key" | "timeout">): JsonObject {
  return {
    ...(key !== undefined && { idempotencyKey: `${key}.${number}` }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...start,
  };
}
function shown(outcome: StartOutcome): object {
  if ("jobId" in outcome) return outcome;
  const { code, message, details } = outcome.error;
  const { field } = details;
  const error = { code, message, ...(typeof field === "string" && { field }) };
  return { idempotencyKey: outcome.idempotencyKey, error };
}
