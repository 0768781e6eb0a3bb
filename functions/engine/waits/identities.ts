import { FanfoldError } from "../../core/errors.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import { parseQueueName } from "../../core/names/queue-name.ts";
import { countOf, userCounters } from "../../core/plan/counts.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import { jobIdOf } from "../../core/plan/run-id.ts";
import { isSuccess, isTerminal, type TerminalStatus } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import type { Header, Run, RunAttributes } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { adoptEnd, type Identity, readIdentity, subscribeToOp } from "../items/identity-items.ts";
import { copyOfValue } from "../items/run-reads.ts";
import { queueOf } from "../plan/step-placement.ts";
import { refuseCycle } from "./cycles.ts";
import { dependencyOf } from "./dependencies.ts";
import { wakeOwner } from "./deferred.ts";

/**
 * Runs that take over the end of a run that jobs share (docs/adr/0019). Such a run never runs code itself:
 *
 *     ensure the identity -> subscribe to its round -> commit `deferred`, with `adopts` -> look
 *     end of the identity -> wake its subscribers: each is written as it has ended
 *
 * The identity ends and THEN its subscribers are read; a run subscribes and THEN looks. So one of the two sees both.
 */

/**
 * Returns the id of the identity of a step with these arguments. Throws `no_identity` when the key cannot be computed,
 * because a weaker key would share what is not equal.
 */
export async function identityIdOf(
  context: Context,
  asks: Asking,
  { task, each, kwargs = {}, options }: TaskStep,
  args: readonly Json[],
): Promise<string> {
  const scope = options?.scope ?? context.registry.info(task)?.scope;
  const sharers = await sharersOf(context, asks, scope, { task, ...(options && { options }) });
  const key = canonicalJson([sharers, task, each ?? null, args, kwargs]);
  return `~${context.ids.hash(`identity ${key}`).slice(0, HASH_CHARACTERS)}`;
}
const HASH_CHARACTERS = 40;
/** Who asks: a run of a group, or a principal without a job. */
type Asking = Pick<Header, "gid"> | { readonly principal: string | undefined };
async function sharersOf(context: Context, asks: Asking, scope: string | undefined, step: TaskStep): Promise<Json> {
  switch (scope) {
    case undefined:
    case "deployment":
      return null;
    case "site":
      return ["site", parseQueueName(queueOf(context, step), { site: context.config.site }).site];
    case "principal": {
      if (!("gid" in asks)) return ["principal", asks.principal ?? ""];
      const root = await readHeader(context, jobIdOf(asks.gid));
      if (!root?.job)
        throw noIdentity(
          step.task,
          "it is shared by the jobs of one principal, and the run that asks belongs to no job",
        );
      return ["principal", root.job.principal ?? ""];
    }
    default:
      return ["text", scope];
  }
}
export function noIdentity(task: string, why: string): FanfoldError {
  return new FanfoldError("no_identity", `no run of ${task} can be shared here: ${why}`, { details: { task } });
}

/** Returns what makes a run wait for a round of an identity. */
export function waitingFor(context: Context, gid: string, round: number): Partial<RunAttributes> {
  const unmet = new Set([dependencyOf("run", gid)]);
  return { status: "deferred", unmet, adopts: gid, adoptsRound: round, sentAt: context.clock.now() };
}
/**
 * Returns how a run ends that takes over the end of an identity: status, value, error, and the counters of its code.
 * What the identity has spawned counts in no job.
 */
export function endTaken(context: Context, { run }: Pick<Identity, "run">, valueless: boolean): Partial<RunAttributes> {
  const status = run.status as TerminalStatus;
  const counters = userCounters(run.ownCounts ?? run.counts);
  return {
    status,
    endedAt: context.clock.now(),
    adopts: run.gid,
    adoptsRound: run.round,
    ...(counters && { counts: { ...countOf(status), ...counters } }),
    ...(isSuccess(status) && !valueless && copyOfValue(run)),
    ...(run.error && { error: { runId: run.runId, ...run.error } }),
  };
}

/** What a look at an identity has found: the end of the run that looked, or the identity that it still waits for. */
export interface Look {
  readonly ended?: Run | undefined;
  readonly identity?: Identity;
}
/**
 * Looks whether the identity has ended that a run waits for, and ends the run so. A round later than the one that the
 * run has subscribed to is subscribed to, and looked at again. The caller follows the run that has ended.
 */
export async function lookForEnd(context: Context, row: Run): Promise<Look> {
  const { adopts: gid = "", adoptsRound: wanted = 0 } = row;
  for (let subscribed = wanted; ;) {
    const identity = await readIdentity(context, gid);
    if (!identity || identity.run.round < wanted) {
      // It was collected, so the run asks anew.
      await wakeOwner(context, row);
      return {};
    }
    const { run } = identity;
    if (isTerminal(run.status)) {
      const [write] = await adoptEnd(context, gid, [row], endTaken(context, identity, row.valueless === true));
      return { ended: write?.ended };
    }
    if (run.round <= subscribed) return { ended: await refuseCycle(context, row), identity };
    await context.store.write(subscribeToOp(context, gid, run.round, row, row));
    subscribed = run.round;
  }
}
