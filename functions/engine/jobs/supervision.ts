import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, type JobAttributes, type Owned, supervisorKey } from "../item-kinds.ts";
import { eq, not } from "../items/conditions.ts";
import { jsonBytes, loadText } from "../items/values.ts";

/**
 * A supervised job owes its end to a task token. The token is stored before the job exists, and answered before the root closes, by whoever finishes the job:
 * so a death or a failed call leaves an open root, which the sweeper follows again. Repeating an answer is harmless (ports.ts, Tokens).
 *
 * States of the item: owed -> answered; a newer token of the same job (its supervisor tried again) -> owed.
 */
export async function keepToken(context: Context, owned: Owned, token: string): Promise<void> {
  const item = { ...owned, v: ITEM_VERSION, token };
  await context.store.write({ op: "put", key: supervisorKey(owned.jobId), attributes: item, when: not(eq("token", token)) });
}

/**
 * Answers the token of an ended job. `false`: this process has no Tokens port, another one must do it. Throws PortError when the answer may not have arrived.
 * One read, one write and one call, once per job.
 */
export async function answerToken(context: Context, jobId: string, job: Partial<JobAttributes> & Pick<JobAttributes, "state">): Promise<boolean> {
  if (!context.tokens) return false;
  for (;;) {
    const item = await context.store.get(supervisorKey(jobId), { consistent: true });
    const token = item?.attributes["token"];
    if (typeof token !== "string" || item?.attributes["answered"] === true) return true;
    if (job.state === "success") await context.tokens.succeed(token, await outputOf(context, jobId, job));
    else await context.tokens.fail(token, errorOf(job.state), causeOf(jobId, job));
    const { applied } = await context.store.write({ op: "update", key: supervisorKey(jobId), change: { set: { answered: true } }, when: eq("token", token) });
    if (applied) return true; // else a newer token came in between
  }
}

/** Room for the rest of the output below the 256 KB that an execution carries. */
const VALUE_BYTES = 192 * 1024;
async function outputOf(context: Context, jobId: string, job: Partial<JobAttributes>): Promise<Json> {
  const base = { jobId, state: job.state ?? "success", counts: { ...job.counts } };
  const text = job.valueRef === undefined ? undefined : await loadText(context, job.valueRef);
  if (text !== undefined && jsonBytes(text) > VALUE_BYTES) return { ...base, valueOmitted: true };
  if (text !== undefined) return { ...base, value: JSON.parse(text) as Json };
  return job.value === undefined ? base : { ...base, value: job.value };
}
/** Names that a state machine's Retry and Catch can match. */
function errorOf(state: JobAttributes["state"]): string {
  switch (state) {
    case "failure":
      return "Fanfold.JobFailure";
    case "cancelled":
      return "Fanfold.JobCancelled";
    case "timed-out":
      return "Fanfold.JobTimedOut";
    default:
      throw new FanfoldError("internal", `a job that is ${state} has not failed`);
  }
}
function causeOf(jobId: string, { state, error, counts, outcome }: Partial<JobAttributes>): string {
  return JSON.stringify({ jobId, state, ...(outcome !== undefined && { outcome }), counts, ...(error !== undefined && { error }) });
}
