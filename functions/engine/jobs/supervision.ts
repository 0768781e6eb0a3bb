import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, type Owned, supervisorKey } from "../item-kinds.ts";
import { eq, not } from "../items/conditions.ts";
import { jsonBytes, loadText } from "../items/values.ts";
import type { JobAttributes } from "./job-item.ts";

/**
 * Stores the task token of a supervised job, before the job exists. The process that finishes the job answers the token
 * before the root closes. So a death or a failed call leaves an open root, which the sweeper follows up again.
 * Repeating an answer is harmless (ports.ts, Tokens).
 *
 * States of the item: owed -> answered -> owed. A newer token, of a supervisor that tried again, makes the answer owed
 * again.
 */
export async function keepToken(context: Context, owned: Owned, token: string): Promise<void> {
  const item = { ...owned, v: ITEM_VERSION, token };
  await context.store.write({
    op: "put",
    key: supervisorKey(owned.jobId),
    attributes: item,
    when: not(eq("token", token)),
  });
}

/**
 * Answers the token of an ended job. Returns false when this process has no Tokens port, so another one must answer.
 * Throws PortError when the answer may not have arrived. Costs one read, one write and one call for each job.
 */
export async function answerToken(
  context: Context,
  jobId: string,
  job: Partial<JobAttributes> & Pick<JobAttributes, "state">,
): Promise<boolean> {
  if (!context.tokens) return false;
  for (;;) {
    const item = await context.store.get(supervisorKey(jobId), { consistent: true });
    const token = item?.attributes["token"];
    if (typeof token !== "string" || item?.attributes["answered"] === true) return true;
    if (job.state === "success") await context.tokens.succeed(token, await outputOf(context, jobId, job));
    else await context.tokens.fail(token, errorOf(job.state), causeOf(jobId, job));
    const { applied } = await context.store.write({
      op: "update",
      key: supervisorKey(jobId),
      change: { set: { answered: true } },
      when: eq("token", token),
    });
    if (applied) return true; // otherwise a newer token was stored in between
  }
}

/** Leaves room for the rest of the output below the 256 KB that an execution carries. */
const VALUE_BYTES = 192 * 1024;
async function outputOf(context: Context, jobId: string, job: Partial<JobAttributes>): Promise<Json> {
  const base = { jobId, state: job.state ?? "success", counts: { ...job.counts } };
  const text = job.valueRef === undefined ? undefined : await loadText(context, job.valueRef);
  if (text !== undefined && jsonBytes(text) > VALUE_BYTES) return { ...base, valueOmitted: true };
  if (text !== undefined) return { ...base, value: JSON.parse(text) as Json };
  return job.value === undefined ? base : { ...base, value: job.value };
}
/** Returns the name that Retry and Catch of a state machine can match. */
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
  return JSON.stringify({
    jobId,
    state,
    ...(outcome !== undefined && { outcome }),
    counts,
    ...(error !== undefined && { error }),
  });
}
