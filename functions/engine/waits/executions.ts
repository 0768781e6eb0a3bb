import { FanfoldError } from "../../core/errors.ts";
import { jobIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { executionKey, executionPartition, type Header, type RunError } from "../item-kinds.ts";
import type { Key } from "../ports.ts";

/**
 * Runs whose work is an execution of a state machine (docs/adr/0010). As for an answer, the run waits for a group that
 * has no members and is not sealed. States of the group:
 *
 *     commit -> header with the execution's name -> started -> its end is the answer -> settled -> closed
 *                                     (decided otherwise)   -> settled -> stopped -> closed
 *
 * The name is derived from the group, and stored in the header before the start, so starting twice is harmless. Only a
 * process with the port starts, asks and stops (control/attend-execution.ts). Other processes send the group to the
 * engine's queue.
 */

/**
 * The name of an execution has at most 80 characters: 31 of the prefix, 32 of the job, 12 of the hash, and two dashes.
 */
const JOB_CHARACTERS = 32;
const HASH_CHARACTERS = 12;

/** Returns the name of the execution that a group waits for. Throws `executions_unavailable`. */
export function executionName(context: Context, gid: string, round: number): string {
  const { executions } = context.config;
  if (!executions) throw unavailable();
  return `${executions.prefix}-${jobPart(jobIdOf(gid))}-${context.ids.hash(`${gid} ${round}`).slice(0, HASH_CHARACTERS)}`;
}
const jobPart = (jobId: string): string => jobId.slice(0, JOB_CHARACTERS);
/**
 * Returns the key of the item that names the waiting group; undefined when no execution of this deployment has such a
 * name.
 */
export function keyOfExecution(context: Context, name: string): Key | undefined {
  const { prefix } = context.config.executions ?? {};
  if (prefix === undefined || !name.startsWith(`${prefix}-`) || name.length <= prefix.length + HASH_CHARACTERS + 2)
    return undefined;
  return executionKey(name.slice(prefix.length + 1, -(HASH_CHARACTERS + 1)), name);
}
/** Returns the partition of a job's executions. Jobs whose ids begin alike share it. */
export const executionsOf = (jobId: string): string => executionPartition(jobPart(jobId));

export function unavailable(): FanfoldError {
  const message =
    "there are no state machines here: run this task in a deployment on AWS, or write it as a task that does the work itself";
  return new FanfoldError("executions_unavailable", message);
}

/** Returns the error of an execution that ran longer than its task allows. */
export function executionTimeout({ wait }: Header): RunError {
  const message = `the execution of ${wait?.name} ran longer than its ${wait?.expires} s, and is stopped`;
  return { name: "TaskTimeout", message, reason: "task_timeout", retryable: false };
}

/** Stops the execution of a group, unless the group is sealed, because then the execution has ended by itself. */
export async function stopExecution(
  context: Context,
  { wait, execution, memberCount, outcome }: Header,
): Promise<void> {
  if (!wait || execution === undefined || memberCount !== undefined) return;
  await context.executions?.stop(
    wait.name,
    execution,
    `the run that it belongs to has ended (${outcome ?? "collected"})`,
  );
}
