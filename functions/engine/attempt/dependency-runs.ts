import type { Dependency } from "../../core/canvas/canvas.ts";
import { dependenciesOf, tooManyDependencies } from "../../core/canvas/depends-on.ts";
import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import { isIdentity, jobIdOf } from "../../core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import type { AwaitedRun } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { Header, Run, RunError } from "../item-kinds.ts";
import type { Identity } from "../items/identity-items.ts";
import { dedupeOf } from "../plan/shared-step.ts";
import type { Ask } from "./ask.ts";
import { ensureIdentities, sharedStep } from "./ensure-identities.ts";
import { identityIdOf } from "../waits/identities.ts";

/**
 * Runs that a run depends on. Each is an identity. Asking for one begins it where its end may not be taken, and a run
 * that has waited for a round takes the end of that round, whatever it is.
 */

/** What is known of the run that depends on others. */
export type Dependent = Pick<Run, "runId" | "gid" | "round" | "asked" | "removed">;
/** A dependency as it stands. */
export interface Looked {
  readonly name: string;
  readonly identity: Identity;
  /** Whether its end is taken. Otherwise the run waits for it. */
  readonly ended: boolean;
}

/** Returns the dependencies that the task and the signature of a run declare, without those that it has given up. */
export function declaredOf(
  { registry }: Pick<Context, "registry">,
  { task, options }: TaskStep,
  run: Pick<Run, "removed"> | undefined,
): { readonly [name: string]: Dependency } | undefined {
  const ofTask = registry.info(task)?.dependsOn;
  const own = dependenciesOf(options);
  if (!ofTask && !own) return undefined;
  const all = Object.entries({ ...ofTask, ...own }).filter(([name]) => run?.removed?.has(name) !== true);
  if (all.length > LIMITS.dependencies) throw tooManyDependencies(all.length);
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

/**
 * Looks at dependencies, and begins those whose end may not be taken. Throws `no_identity`, `unknown_task`. `again` says
 * that the run may have looked before, in a process that died.
 */
export async function lookAtDependencies(
  context: Context,
  header: Header,
  run: Dependent,
  dependencies: { readonly [name: string]: Dependency },
  again: boolean,
): Promise<readonly Looked[]> {
  const asks: (Ask & { readonly name: string })[] = [];
  for (const [name, dependency] of Object.entries(dependencies))
    asks.push({ ...(await askFor(context, header, run, dependency)), name });
  const asked = await ensureIdentities(context, header, asks, again);
  return asked.map(({ name, identity, reuses }) => ({ name, identity, ended: reuses }));
}
async function askFor(context: Context, header: Header, run: Dependent, dependency: Dependency): Promise<Ask> {
  const { task, args = [], kwargs, options } = dependency;
  if (!context.registry.info(task)) throw new FanfoldError("unknown_task", `no task is called ${task}`);
  const step: TaskStep = { task, args, ...(kwargs && { kwargs }), ...(options && { options }) };
  const gid = await identityIdOf(context, header, step, args);
  const dedupe = dedupeOf(context, step) ?? "forever";
  const wanted = run.asked?.[gid];
  return { gid, dedupe, step: sharedStep(step, args), asker: askerOf(header, run), wanted, takesBroken: true };
}
/** What an identity asks for is served in the turn of the job that has begun it. */
export function askerOf({ asker }: Header, { gid, runId, round }: Dependent): string {
  const own = `${runId}#${round}`;
  return isIdentity(gid) && asker !== undefined ? `${jobIdOf(asker)}.${own}` : own;
}

export const awaitedIdentity = ({ run }: Identity): AwaitedRun => ({ gid: run.gid, round: run.round });
export const awaitedRun = ({ identity }: Looked): AwaitedRun => awaitedIdentity(identity);
/** Whether a dependency has failed, so that a run which depends on it cannot run. A broken one is given to it. */
export const hasFailed = ({ status }: Run): boolean => isTerminal(status) && !isSuccess(status) && status !== "broken";
/** Says that a dependency has failed. */
export function dependencyFailed(name: string | undefined, failed: Run): RunError {
  const { error, runId } = failed;
  const which = name === undefined ? "a dependency" : `the dependency ${name}`;
  return {
    name: "DependencyFailed",
    message: `${which} has failed: ${error?.name ?? failed.status}: ${error?.message ?? ""}`.slice(0, MOST_CHARACTERS),
    reason: "dependency_has_error",
    retryable: false,
    details: { runId, ...(name !== undefined && { dependency: name }) },
  };
}
const MOST_CHARACTERS = 400;
