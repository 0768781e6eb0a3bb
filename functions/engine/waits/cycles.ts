import { LIMITS } from "../../core/limits.ts";
import { isIdentity, isShared, jobIdOf, runIdOf } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { decidedAbove } from "../items/header-reads.ts";
import type { Run, RunError } from "../item-kinds.ts";
import { readDependents } from "../items/edge-items.ts";
import { readIdentities } from "../items/identity-items.ts";
import { readRunById } from "../items/run-reads.ts";
import { endCycle } from "../items/run-writes.ts";
import { awaitedBy } from "./dependencies.ts";

/**
 * Identities that wait for each other would wait for ever. An identity waits for another one when its row says so, or the
 * row of a run below it. The order is
 *
 *     put the edge: commit `deferred`, THEN walk from what the run waits for
 *
 * Of two edges that close a cycle together, the walk behind the later one sees both. Two walks may refuse one cycle.
 * Whoever meets a deferred run walks again, because its writer may have died before its walk. Nobody waits for a run of a
 * job, so its edges close no cycle, and cost no walk.
 */

/** Ends a deferred run whose edge has closed a cycle, and returns it. The caller follows it. Undefined for any other. */
export async function refuseCycle(context: Context, run: Run): Promise<Run | undefined> {
  if (!isShared(run.gid)) return undefined;
  for (const awaited of awaitedBy(run)) {
    const found = await walkFrom(context, awaited, jobIdOf(run.gid));
    if (found === undefined) continue;
    const error = found === "endless" ? TOO_MANY : cycleError(found);
    const set = { status: "broken" as const, endedAt: context.clock.now(), error };
    const { ended } = await endCycle(context, run, awaited, set);
    return ended;
  }
  return undefined;
}
/** A run on a cycle, as the error names it. */
interface Passed {
  readonly gid: string;
  readonly task: string | undefined;
}
/** Returns the way from an identity to another one along the waits, both included. Undefined when there is none. */
async function walkFrom(
  context: Context,
  start: string,
  goal: string,
): Promise<readonly Passed[] | "endless" | undefined> {
  const before = new Map<string, string | undefined>([[start, undefined]]);
  const tasks = new Map<string, string | undefined>();
  for (let frontier: readonly string[] = [start]; frontier.length > 0;) {
    const identities = await readIdentities(context, frontier);
    const next: string[] = [];
    for (const [k, gid] of frontier.entries()) {
      const run = identities[k]?.run;
      tasks.set(gid, run?.task);
      if (gid === goal) return wayTo(goal, before, tasks);
      if (!run || isTerminal(run.status)) continue;
      const awaited = [...awaitedBy(run), ...(run.attempt > 0 ? await awaitedBelow(context, gid) : [])];
      for (const each of awaited) {
        if (before.has(each)) continue;
        before.set(each, gid);
        next.push(each);
      }
    }
    if (before.size > LIMITS.walkedRuns) return "endless";
    frontier = next;
  }
  return undefined;
}
function wayTo(
  goal: string,
  before: ReadonlyMap<string, string | undefined>,
  tasks: ReadonlyMap<string, string | undefined>,
): readonly Passed[] {
  const way: Passed[] = [];
  for (let at: string | undefined = goal; at !== undefined; at = before.get(at))
    way.unshift({ gid: at, task: tasks.get(at) });
  return way;
}
/** Returns the identities that runs below an identity wait for. */
async function awaitedBelow(context: Context, gid: string): Promise<readonly string[]> {
  const awaited: string[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await readDependents(context, gid, {
      nested: true,
      limit: 1_000,
      ...(after !== undefined && { after }),
    });
    for (const runId of page.runIds) {
      const run = await readRunById(context, runId);
      // A run below a decided group reads as cancelled, whatever its row says.
      if (run && awaitedBy(run).length > 0 && !(await decidedAbove(context, run.gid))) awaited.push(...awaitedBy(run));
    }
    after = page.cursor;
  }
  return awaited;
}

/** Says that runs wait for each other. `way` leads back to the run that ends. */
function cycleError(way: readonly Passed[]): RunError {
  const circle = [way.at(-1) as Passed, ...way];
  const shown = circle.length > SHOWN ? [...circle.slice(0, SHOWN - 1), circle.at(-1) as Passed] : circle;
  const names = shown.map(({ gid, task }) => `${task ?? "?"} (${gid.slice(0, SHORT_ID)})`);
  if (circle.length > SHOWN) names.splice(SHOWN - 1, 0, `${circle.length - SHOWN} more`);
  return {
    name: "DependencyCycle",
    message: `these runs wait for each other: ${names.join(" -> ")}`,
    reason: "dependency_cycle",
    retryable: false,
    details: { path: shown.map(({ gid }) => (isIdentity(gid) ? runIdOf(gid, 0, 0) : gid)) },
  };
}
/** Says that a run would run again because of its own end. `cause` begins with the first of the identities. */
export const causedByItself = (run: Run): RunError =>
  cycleError(
    [...(run.cause ?? []).slice((run.cause ?? []).indexOf(run.gid)), run.gid].map((gid) => ({
      gid,
      task: gid === run.gid ? run.task : undefined,
    })),
  );
const SHOWN = 8;
const SHORT_ID = 9;
const TOO_MANY: RunError = {
  name: "DependencyCycle",
  message: `the run waits for runs that wait for others, more than ${LIMITS.walkedRuns} in all: is there an end?`,
  reason: "dependency_cycle",
  retryable: false,
};
