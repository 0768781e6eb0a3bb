import type { Canvas, Dependency } from "../../core/canvas/canvas.ts";
import { dependenciesOf } from "../../core/canvas/depends-on.ts";
import { FanfoldError } from "../../core/errors.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import { isTerminal, type RunStatus } from "../../core/plan/run-state.ts";
import type { RunCause } from "../../core/task/run-cause.ts";
import { type Ask, stepOf } from "../attempt/ask.ts";
import { sharedStep, startOf } from "../attempt/ensure-identities.ts";
import { judgeEnd } from "../attempt/judge-end.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { wakeRound } from "../follow/wake-subscribers.ts";
import { readEdges } from "../items/edge-items.ts";
import {
  createIdentityOp,
  type Identity,
  readIdentity,
  restartIdentityOp,
  type RoundStart,
  writtenIdentity,
} from "../items/identity-items.ts";
import { declareOp, forgetOp } from "../items/identity-changes.ts";
import { listOps } from "../items/identity-list.ts";
import { attended } from "../items/run-reads.ts";
import { outdatedItself, outdatedOf } from "../items/versions.ts";
import { sendIdentities } from "../messages/send.ts";
import { placeOf } from "../plan/step-placement.ts";
import type { ForgottenRun, ForgetRequest, ScheduledRun, ScheduleRequest } from "../requests.ts";
import { identityIdOf } from "../waits/identities.ts";

/**
 * Runs that jobs share, asked for without a job (docs/adr/0032). Nobody waits for such a run, so its row is in the index
 * of due rows until it has ended, and the sweep sends its message when nobody else has.
 *
 *     absent, or forgotten and ended   -> begun
 *     ended: outdated, another dependency is declared, or `retry`  -> next round, IF it is the end that was read
 *     ended otherwise                  -> left
 *     not begun, other dependencies    -> next round, IF nobody has claimed it: those who wait go over to it
 *     not ended                        -> its message is sent again
 */
export async function scheduleRun(context: Context, request: ScheduleRequest): Promise<ScheduledRun> {
  const ask = await askFor(context, request);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const identity = await readIdentity(context, ask.gid);
    const plan = identity ? await planFor(context, ask, identity, request) : { begins: { of: "first" as const } };
    const done = await perform(context, ask, identity, plan, request);
    if (done) return done;
  }
  throw new FanfoldError("internal", `run ${ask.gid} has changed with each look at it`);
}
/**
 * Forgets a shared run: nobody takes its end any more, and it begins no more by itself. Those who wait for it still get
 * its end. Throws `run_not_found`.
 */
export async function forgetRun(context: Context, request: ForgetRequest): Promise<ForgottenRun> {
  const { gid } = await askFor(context, request);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const identity = await readIdentity(context, gid);
    if (!identity || isForgotten(identity)) throw new FanfoldError("run_not_found", "no run has these arguments");
    const { run } = identity;
    const written = writtenIdentity(await context.store.write(forgetOp(identity)));
    if (written?.run.forgotten && written.run.round === run.round)
      return { runId: run.runId, status: written.run.status };
  }
  throw new FanfoldError("internal", `run ${gid} has changed with each look at it`);
}
const MOST_TRIES = 20;
const isForgotten = ({ run }: Identity): boolean => run.forgotten === true && isTerminal(run.status);

/** What an identity is asked to be: begun because of this, or declared otherwise, or left. */
interface Plan {
  readonly begins?: RunCause | { readonly of: "first" };
  readonly row?: RoundStart;
  /** What it depends on, where that changes. */
  readonly dependsOn?: { readonly [name: string]: Dependency };
}
async function planFor(context: Context, ask: Ask, identity: Identity, request: ScheduleRequest): Promise<Plan> {
  const { run } = identity;
  const isOver = isTerminal(run.status);
  if (run.forgotten) return isOver ? { begins: { of: "removed" } } : declared(ask, {}, { begins: { of: "removed" } });
  const before = dependenciesOf((await stepOf(context, identity)).options) ?? {};
  const given = dependenciesOf(ask.step.options) ?? {};
  const adds = Object.entries(given).some(([name, each]) => textOf(before[name]) !== textOf(each));
  const kept = request.deleteExtraDeps ? {} : before;
  const drops = Object.keys(before).some((name) => !(name in kept) && !(name in given));
  if (!isOver) return adds || drops ? declared(ask, kept, { begins: { of: "declared" } }) : {};
  if (request.retry) return declared(ask, kept, { begins: { of: "asked" } });
  if (adds) return declared(ask, kept, { begins: { of: "declared" } });
  const edges = await readEdges(context, run);
  const isOutdated = outdatedItself(context, run).length + outdatedOf(context, edges?.closure).length > 0;
  const row = isOutdated ? await judgeEnd(context, NO_JOB, ask, identity) : undefined;
  if (row) return declared(ask, kept, { begins: row.why ?? { of: "declared" }, row });
  const extra = request.deleteExtraDeps && [...(edges?.edges.keys() ?? [])].some((name) => !(name in given));
  return drops || extra ? { dependsOn: given } : {};
}
const declared = ({ step }: Ask, kept: { readonly [name: string]: Dependency }, plan: Plan): Plan => ({
  ...plan,
  dependsOn: { ...kept, ...dependenciesOf(step.options) },
});
const textOf = (dependency: unknown): string => canonicalJson((dependency ?? null) as Json);
const NO_JOB = { ttl: 0 };

/** Does what was planned. Returns undefined when the identity has changed since it was read. */
async function perform(
  context: Context,
  ask: Ask,
  seen: Identity | undefined,
  { begins, row, dependsOn }: Plan,
  { queueNow = true }: ScheduleRequest,
): Promise<ScheduledRun | undefined> {
  const step = dependsOn ? withDependencies(ask.step, dependsOn) : ask.step;
  const { gid } = ask;
  const runId = `${gid}.0`;
  if (!begins) {
    const { run, header } = seen as Identity;
    if (dependsOn) {
      const start = await startOf(context, NO_JOB, { ...ask, step }, seen);
      const { applied } = await context.store.write(await declareOp(context, seen as Identity, start, dependsOn));
      if (!applied) return undefined;
    } else if (!isTerminal(run.status) && queueNow) await send(context, header, step);
    return { runId, status: run.status, begun: false };
  }
  if (seen && isHeld(seen.run.status)) throw heldRun(ask);
  if (seen && isTerminal(seen.run.status)) await follow(context, [{ kind: "run", run: seen.run }]);
  const listed = listOps(context, gid, step);
  if (listed.length > 0) await context.store.writeMany(listed);
  const why = begins.of === "first" ? {} : { why: begins };
  const start = {
    ...(await startOf(context, NO_JOB, { ...ask, step }, seen)),
    row: { ...row, ...why, ...attended(context, { runId }) },
  };
  const op = seen ? restartIdentityOp(context, seen, start) : createIdentityOp(context, gid, start);
  const begun = writtenIdentity(await context.store.write(op));
  if (begun?.header.asker !== ask.asker) return undefined;
  // Those who wait for a round that nobody has claimed wait for this one.
  if (seen && !isTerminal(seen.run.status)) {
    const ended = await wakeRound(context, seen.run);
    await follow(
      context,
      ended.map((run) => ({ kind: "run" as const, run })),
    );
  }
  if (queueNow) await send(context, begun.header, step);
  return { runId, status: begun.run.status, begun: true };
}
/** A worker has it, or its children run. It would not notice what changes. */
const isHeld = (status: RunStatus): boolean => status === "started" || status === "waiting";
function heldRun({ step, gid }: Ask): FanfoldError {
  return new FanfoldError(
    "run_not_ended",
    `the run of ${step.task} is at work, and takes no other dependencies: schedule it again once it has ended`,
    { details: { runId: `${gid}.0` } },
  );
}
const send = (context: Context, header: Identity["header"], step: TaskStep): Promise<void> =>
  sendIdentities(context, [{ header, ...placeOf(context, step) }]);
function withDependencies(step: TaskStep, dependsOn: { readonly [name: string]: Dependency }): TaskStep {
  const { dependsOn: _before, ...options } = step.options ?? {};
  return { ...step, options: { ...options, ...(Object.keys(dependsOn).length > 0 && { dependsOn }) } };
}

async function askFor(context: Context, { canvas, principal }: ForgetRequest): Promise<Ask> {
  const step = stepFrom(canvas);
  const args = step.args ?? [];
  for (const { task } of [step, ...Object.values(dependenciesOf(step.options) ?? {})])
    if (!context.registry.info(task)) throw new FanfoldError("unknown_task", `no task is called ${task}`);
  const gid = await identityIdOf(context, { principal }, step, args);
  // All that is scheduled is served in one turn: a million shared runs are no million jobs.
  const asker = `scheduled.0#${context.ids.hash(`${context.ids.random()} ${gid}`).slice(0, 24)}`;
  return { gid, dedupe: "forever", step: sharedStep(step, args), asker, takesBroken: true };
}
/** Options that make no sense without a job are refused, because they would be ignored. */
const TAKES: readonly string[] = ["queue", "priority", "timeout", "retry", "dependsOn", "scope", "dedupe"];
function stepFrom(canvas: Canvas): TaskStep {
  if (canvas.kind !== "task") throw refused("", "only a signature of one task can be scheduled");
  const { task, args, kwargs, options, each, link = [], linkError = [] } = canvas;
  if (link.length + linkError.length > 0)
    throw refused("", "a scheduled run has no links: those who need its value depend on it");
  const name = Object.keys(options).find((option) => !TAKES.includes(option));
  if (name !== undefined) throw refused(`/options/${name}`, `a scheduled run takes no ${name}: it belongs to no job`);
  return { task, args, kwargs, options, ...(each && { each }) };
}
function refused(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_canvas", message, { details: { field: `/canvas${field}` } });
}
