import type { Dependency } from "../../core/canvas/canvas.ts";
import { assertNever, FanfoldError } from "../../core/errors.ts";
import type { RunStatus } from "../../core/plan/run-state.ts";
import type { AwaitedRun } from "../../core/task/invocation.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy, type Run, type RunAttributes, type RunError } from "../item-kinds.ts";
import { type Edge, keepEdges, outcomeOf } from "../items/edge-items.ts";
import { awaitIdentityOp, readIdentities } from "../items/identity-items.ts";
import { identify } from "../items/run-reads.ts";
import { endIdleRun, endVerified, runWrite } from "../items/run-writes.ts";
import { causedByItself } from "../waits/cycles.ts";
import { askedOf } from "../waits/deferred.ts";
import { dependencyOf, subscribeOps } from "../waits/dependencies.ts";
import { declaresAny } from "../plan/shared-step.ts";
import {
  awaitedIdentity,
  awaitedRun,
  declaredOf,
  dependencyFailed,
  hasFailed,
  lookAtDependencies,
  type Looked,
} from "../attempt/dependency-runs.ts";
import { afterWait, LATER } from "./adopt-members.ts";
import type { Ready, Report } from "./member-reports.ts";
import { verifyEnd } from "./verify-end.ts";

/**
 * Whether a member may have to wait for other runs, or has waited for some. One that is taken over from a dead worker is
 * claimed first, and then looks.
 */
export const isDependent = (context: Context, { run, step }: Ready): boolean =>
  run?.status !== "started" && (run?.asked !== undefined || run?.kept !== undefined || declaresAny(context, step));

/**
 * Lets members wait for their dependencies before a worker claims them (docs/adr/0022):
 *
 *     the end of the round before still holds   -> the member ends so, without a claim
 *     a dependency has failed  -> the member is broken, without a claim
 *     one has not ended        -> dependent put -> row `deferred` -> look
 *     all have ended           -> the member is ready
 */
export async function awaitDependencies(
  context: Context,
  header: Header,
  members: readonly Ready[],
  again: boolean,
): Promise<{ readonly ready: readonly Ready[]; readonly reports: readonly Report[] }> {
  const ready: Ready[] = [];
  const reports: Report[] = [];
  await all(
    members.map(async (member) => {
      const verified = member.run?.kept ? await verify(context, header, member, member.run, again) : member;
      const outcome = "kind" in verified ? verified : await waitOf(context, header, verified, again);
      if (outcome) reports.push({ ref: member.ref, outcome });
      else ready.push(verified as Ready);
    }),
  );
  return { ready, reports };
}
/** Ends a member whose end of the round before holds, or lets it wait. Returns the member when its code has to run. */
async function verify(
  context: Context,
  header: Header,
  member: Ready,
  run: Run,
  again: boolean,
): Promise<MemberOutcome | Ready> {
  const verdict = await verifyEnd(context, header, run, again);
  switch (verdict.kind) {
    case "holds": {
      const edges = await keepEdges(context, run, verdict.edges, verdict.closure);
      const written = await endVerified(context, run, { ...run.kept, edges, verified: true });
      return written.ended ? { kind: "ended", run: written.ended } : LATER;
    }
    case "waits":
      return defer(context, header, member, verdict.identities.map(awaitedIdentity));
    case "changed": {
      const { by } = verdict;
      return by ? { ...member, run: { ...run, cause: [by.gid] } } : member;
    }
    default:
      return assertNever(verdict);
  }
}
async function waitOf(
  context: Context,
  header: Header,
  member: Ready,
  again: boolean,
): Promise<MemberOutcome | undefined> {
  const { ref, run, step } = member;
  if (run?.cause?.includes(ref.gid)) return end(context, header, member, "broken", causedByItself(run), []);
  let looked: readonly Looked[];
  try {
    looked = await look(context, header, member, declaredOf(context, step, run), again);
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    const said = { name: error.name, message: error.message, reason: error.code, retryable: false };
    return end(context, header, member, "error", said, []);
  }
  const ended = [
    ...looked.filter((each) => each.ended).map(({ name, identity }) => ({ name, run: identity.run })),
    ...(await waitedFor(context, run, looked)),
  ];
  const failed = ended.find((each) => hasFailed(each.run));
  if (failed) {
    const error = dependencyFailed(failed.name, failed.run);
    return end(context, header, member, "broken", error, ended);
  }
  const open = looked.filter((each) => !each.ended);
  return open.length === 0 ? undefined : defer(context, header, member, open.map(awaitedRun));
}
async function look(
  context: Context,
  header: Header,
  { ref, run }: Ready,
  declared: { readonly [name: string]: Dependency } | undefined,
  again: boolean,
): Promise<readonly Looked[]> {
  if (!declared) return [];
  const self = { ...identify(ref), round: run?.round ?? header.round, ...(run?.asked && { asked: run.asked }) };
  return lookAtDependencies(context, header, self, declared, again);
}
interface Ended {
  readonly name: string | undefined;
  readonly run: Run;
}
/** Returns the runs that a member has waited for because its code asked for them, as far as they have failed. */
async function waitedFor(context: Context, run: Run | undefined, looked: readonly Looked[]): Promise<readonly Ended[]> {
  const declared = new Set(looked.map(({ identity }) => identity.header.gid));
  const gids = Object.keys(run?.asked ?? {}).filter((gid) => !declared.has(gid));
  if (gids.length === 0) return [];
  const identities = await readIdentities(context, gids);
  return identities.flatMap((identity, k) => {
    const wanted = run?.asked?.[gids[k] as string] ?? 0;
    const counts = identity && identity.run.round >= wanted && hasFailed(identity.run);
    return counts ? [{ name: undefined, run: identity.run }] : [];
  });
}

/** Ends a member without a claim. What it has depended on stays known, so that a change of that runs it again. */
async function end(
  context: Context,
  header: Header,
  { ref, run, step }: Ready,
  status: RunStatus,
  error: RunError,
  ended: readonly Ended[],
): Promise<MemberOutcome> {
  const edges = new Map(
    ended.map(({ name, run: each }): [string, Edge] => [
      name ?? each.gid,
      { gid: each.gid, outcome: outcomeOf(context, each) },
    ]),
  );
  const kept = run && edges.size > 0 ? { edges: await keepEdges(context, run, edges) } : {};
  const set = { status, task: step.task, endedAt: context.clock.now(), error, ...kept };
  const written = await endIdleRun(context, ref, header, run, set);
  return written.ended ? { kind: "ended", run: written.ended } : LATER;
}

async function defer(
  context: Context,
  header: Header,
  { ref, run, step }: Ready,
  awaited: readonly AwaitedRun[],
): Promise<MemberOutcome> {
  const unmet = awaited.map(({ gid }) => dependencyOf("run", gid));
  const attributes: RunAttributes = {
    ...ownedBy(header),
    status: "deferred",
    round: header.round,
    attempt: 0,
    task: step.task,
    unmet: new Set(unmet),
    asked: askedOf(run ?? {}, awaited),
    sentAt: context.clock.now(),
  };
  const row = { ...attributes, ...identify(ref) };
  await context.store.writeMany(subscribeOps(context, row, unmet));
  const result = await context.store.write(awaitIdentityOp(context, ref, run, attributes));
  return afterWait(context, runWrite(ref, result));
}
