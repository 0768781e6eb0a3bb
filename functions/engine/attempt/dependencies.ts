import type { Dependency } from "../../core/canvas/canvas.ts";
import type { Json } from "../../core/json.ts";
import type { TaskMetric } from "../../core/names/task-metrics.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { DependencyEnd, DependencyLook, TaskOutcome } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import { keepEdges, outcomeOf, versionsOf } from "../items/edge-items.ts";
import { loadValue } from "../items/values.ts";
import { mergeVersions } from "../items/versions.ts";
import {
  awaitedRun,
  declaredOf,
  dependencyFailed,
  hasFailed,
  lookAtDependencies,
  type Looked,
} from "./dependency-runs.ts";
import { queueOf } from "../plan/step-placement.ts";
import { collectResults } from "./arguments.ts";
import type { LiveAttempt } from "./live-attempt.ts";
import type { Commit } from "./outcome-commit.ts";

/** Ends of the dependencies of an attempt by name, or how the attempt ends without them. */
export type LoadedDependencies = { readonly [name: string]: DependencyEnd };

/** Returns the ends of the declared dependencies of an attempt. One of them may have begun again since the claim. */
export async function loadDependencies(
  context: Context,
  attempt: LiveAttempt,
): Promise<LoadedDependencies | TaskOutcome> {
  const { header, run, step } = attempt;
  const declared = declaredOf(context, step, run);
  if (!declared) return {};
  const looked = await lookAtDependencies(context, header, run, declared, run.attempt > 1);
  const failed = looked.find(({ ended, identity }) => ended && hasFailed(identity.run));
  if (failed) return { kind: "broken", error: dependencyFailed(failed.name, failed.identity.run) };
  const open = looked.filter(({ ended }) => !ended);
  for (const _ of open) note(context, attempt, "dependency_missing");
  if (open.length > 0) return { kind: "deferred", events: [], runs: open.map(awaitedRun) };
  const ends = await Promise.all(looked.map((each) => consume(context, attempt, each)));
  return Object.fromEntries(looked.map(({ name }, k) => [name, ends[k] as DependencyEnd]));
}
/** Looks at a dependency that user code asks for. */
export async function requireDependency(
  context: Context,
  attempt: LiveAttempt,
  name: string,
  dependency: Dependency,
): Promise<DependencyLook> {
  const { header, run, step } = attempt;
  const isDeclared = Object.hasOwn(declaredOf(context, step, run) ?? {}, name);
  if (!isDeclared) note(context, attempt, "dependency_extra");
  const [looked] = await lookAtDependencies(context, header, run, { [name]: dependency }, run.attempt > 1);
  // It was collected in this moment. The next attempt asks anew.
  if (!looked) return { kind: "failed", error: GONE };
  if (!looked.ended) {
    note(context, attempt, "dependency_missing");
    return { kind: "unmet", awaits: awaitedRun(looked) };
  }
  const end = looked.identity.run;
  if (!hasFailed(end)) return { kind: "ended", ...(await consume(context, attempt, looked)) };
  attempt.edges.set(name, { gid: end.gid, outcome: outcomeOf(context, end) });
  return { kind: "failed", error: dependencyFailed(name, end) };
}
function note(context: Context, { step }: LiveAttempt, metric: TaskMetric): void {
  context.statistics.note(metric, step.task, queueOf(context, step));
}
const GONE = {
  name: "DependencyFailed",
  message: "the dependency was collected while it was asked for",
  reason: "dependency_has_error",
};
/** Returns how a dependency has ended, and notes that the attempt depends on this end. */
async function consume(context: Context, attempt: LiveAttempt, { name, identity }: Looked): Promise<DependencyEnd> {
  const { run } = identity;
  attempt.edges.set(name, { gid: run.gid, outcome: outcomeOf(context, run) });
  mergeVersions(attempt.closure, await versionsOf(context, run));
  if (run.status === "broken") return { error: run.error ?? { name: "TaskBroken", message: "it is broken" } };
  return { value: await valueOf(context, run, attempt.info.name) };
}
async function valueOf(context: Context, run: Run, task: string): Promise<Json> {
  return run.collects === undefined ? loadValue(context, run) : collectResults(context, run.collects, task);
}

/** Adds to a commit what the attempt has depended on, before the commit makes it count. */
export async function withEdges(
  context: Context,
  { run, edges, closure }: LiveAttempt,
  commit: Commit,
): Promise<Commit> {
  const { status } = commit.set;
  if (edges.size === 0 || status === undefined || !(isTerminal(status) || status === "waiting")) return commit;
  return { ...commit, set: { ...commit.set, edges: await keepEdges(context, run, edges, closure) } };
}
