import type { Dedupe } from "../../core/canvas/canvas.ts";
import { FanfoldError } from "../../core/errors.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import { argumentsOf } from "../attempt/arguments.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy, type Run, type RunAttributes } from "../item-kinds.ts";
import { nestedWaitOp } from "../items/edge-items.ts";
import { awaitIdentityOp, subscribeToOp } from "../items/identity-items.ts";
import { isReady } from "../items/run-conditions.ts";
import { identify } from "../items/run-reads.ts";
import { endIdleRun, type RunWrite, runWrite } from "../items/run-writes.ts";
import { dedupeOf } from "../plan/shared-step.ts";
import type { Ask, Asked } from "../attempt/ask.ts";
import { ensureIdentities, sharedStep } from "../attempt/ensure-identities.ts";
import { endTaken, identityIdOf, noIdentity, waitingFor } from "../waits/identities.ts";
import { handleDeferred } from "./deferred-member.ts";
import type { Ready, Report } from "./member-reports.ts";

/** A member that asks for the end of an identity. */
interface MemberAsk extends Ask {
  readonly member: Ready;
}

/** Whether a step takes over the end of a run that jobs share. */
export const isSharing = (context: Context, { step }: Pick<Ready, "step">): boolean =>
  dedupeOf(context, step) !== undefined;

/**
 * Lets members that are ready take over the ends of identities (docs/adr/0019). What is written goes out together for
 * all members of a message, in this order, and each step may be repeated:
 *
 *     identities: created, or their next round begun -> their messages
 *     members:    ended, where a good end is reused  |  subscription -> row `deferred` -> look
 *
 * `again` says that the message was delivered before, so that its handler may have died between two of these.
 */
export async function adoptMembers(
  context: Context,
  header: Header,
  members: readonly Ready[],
  again: boolean,
): Promise<readonly Report[]> {
  const reports: Report[] = [];
  const asks: MemberAsk[] = [];
  await all(
    members.map(async (member) => {
      const ask = await askOf(context, header, member);
      if ("kind" in ask) reports.push({ ref: member.ref, outcome: ask });
      else asks.push(ask);
    }),
  );
  const asked = await ensureIdentities(context, header, asks, again);
  await all([
    ...asked.filter(({ reuses }) => reuses).map(async (each) => reports.push(await reuseEnd(context, header, each))),
    awaitEnds(
      context,
      header,
      asked.filter(({ reuses }) => !reuses),
    ).then((more) => reports.push(...more)),
  ]);
  return reports;
}

/** Finds what a member asks for. A key that cannot be computed ends the member. */
async function askOf(context: Context, header: Header, member: Ready): Promise<MemberAsk | MemberOutcome> {
  const { step, ref } = member;
  const { runId } = identify(ref);
  try {
    const info = context.registry.info(step.task);
    if (!info) throw new FanfoldError("unknown_task", `no task is called ${step.task}`);
    const { args, collects } = await argumentsOf(context, { header, run: identify(ref), step, info });
    if (collects !== undefined && info.streamsResults && !step.immutable)
      throw noIdentity(step.task, "it streams the results of a group, which are no argument that could be compared");
    const gid = await identityIdOf(context, header, step, args);
    const dedupe = dedupeOf(context, step) as Dedupe;
    return { member, adopter: ref, gid, dedupe, step: sharedStep(step, args), asker: `${runId}#${header.round}` };
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    const end = { name: error.name, message: error.message, reason: error.code, retryable: false };
    const set = { status: "error" as const, task: step.task, endedAt: context.clock.now(), error: end };
    const { ended } = await endIdleRun(context, ref, header, member.run, set);
    return ended ? { kind: "ended", run: ended } : LATER;
  }
}
export const LATER: MemberOutcome = { kind: "later", delaySeconds: 1 };

/** Ends a member as an identity has ended before. One write, like the end of any run. */
async function reuseEnd(context: Context, header: Header, { member, identity }: Asked<MemberAsk>): Promise<Report> {
  const { ref, run, step } = member;
  const end = { ...endTaken(context, identity, takesNoValue(step)), task: step.task, reused: true as const };
  const { ended } = await endIdleRun(context, ref, header, run, end);
  return { ref, outcome: ended ? { kind: "ended", run: ended } : LATER };
}
const takesNoValue = ({ options }: TaskStep): boolean => options?.ignoreResult === true;

/** Lets members wait for the ends of identities, and looks whether these have ended since. */
async function awaitEnds(
  context: Context,
  header: Header,
  asked: readonly Asked<MemberAsk>[],
): Promise<readonly Report[]> {
  if (asked.length === 0) return [];
  const rows = asked.map(({ member: { ref, step }, gid, identity }): Run => ({
    ...identify(ref),
    ...ownedBy(header),
    round: header.round,
    attempt: 0,
    task: step.task,
    ...(waitingFor(context, gid, identity.run.round) as Pick<RunAttributes, "status">),
    ...(takesNoValue(step) && { valueless: true as const }),
  }));
  await context.store.writeMany(
    rows.flatMap((row, k) => {
      const { gid, identity, member } = asked[k] as Asked<MemberAsk>;
      const nested = nestedWaitOp(context, gid, row);
      return [subscribeToOp(context, gid, identity.run.round, member.ref, row), ...(nested ? [nested] : [])];
    }),
  );
  const results = await context.store.writeMany(
    rows.map(({ gid: _gid, index: _index, stepIndex: _step, runId: _runId, ...attributes }, k) => {
      const { ref, run } = (asked[k] as Asked<MemberAsk>).member;
      return awaitIdentityOp(context, ref, run, attributes);
    }),
  );
  return all(
    results.map(async (result, k) => {
      const { ref } = (asked[k] as Asked<MemberAsk>).member;
      return { ref, outcome: await afterWait(context, runWrite(ref, result)) };
    }),
  );
}
/** Returns what becomes of a member whose row was to wait. */
export async function afterWait(context: Context, { run, ended }: RunWrite): Promise<MemberOutcome> {
  if (ended) return { kind: "ended", run: ended };
  if (run?.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  return run ? LATER : { kind: "done" };
}
