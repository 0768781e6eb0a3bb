import type { Dedupe } from "../../core/canvas/canvas.ts";
import { FanfoldError } from "../../core/errors.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import { isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { argumentsOf } from "../attempt/arguments.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { type Header, ownedBy, type Run, type RunAttributes } from "../item-kinds.ts";
import {
  awaitIdentityOp,
  createIdentityOp,
  type Identity,
  type IdentityStart,
  keepIdentity,
  readIdentities,
  restartIdentityOp,
  subscribeToOp,
  subscriptionOf,
  writtenIdentity,
} from "../items/identity-items.ts";
import { isReady } from "../items/run-conditions.ts";
import { identify } from "../items/run-reads.ts";
import { endIdleRun, type RunWrite, runWrite } from "../items/run-writes.ts";
import { keepBlobs } from "../items/shared-blobs.ts";
import { sendIdentities } from "../messages/send.ts";
import { rootStep } from "../plan/job-shape.ts";
import { placeOf } from "../plan/step-placement.ts";
import type { Json } from "../../core/json.ts";
import type { WriteOp, WriteResult } from "../ports.ts";
import { dedupeOf } from "../plan/shared-step.ts";
import { endTaken, identityIdOf, noIdentity, waitingFor } from "../waits/identities.ts";
import { handleDeferred } from "./deferred-member.ts";
import type { Ready, Report } from "./member-reports.ts";

/** A member that asks for the end of an identity. */
interface Ask {
  readonly member: Ready;
  readonly gid: string;
  readonly dedupe: Dedupe;
  /** The task with all its arguments, as the identity runs it. */
  readonly step: TaskStep;
  /** Names this ask, so that a repeated one takes the end of the round that it has begun. */
  readonly asker: string;
}
/** What an ask comes to: the identity as it stands, and whether its end is taken now. */
interface Asked extends Ask {
  readonly identity: Identity;
  readonly reuses: boolean;
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
  const asks: Ask[] = [];
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
async function askOf(context: Context, header: Header, member: Ready): Promise<Ask | MemberOutcome> {
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
    return { member, gid, dedupe, step: sharedStep(step, args), asker: `${runId}#${header.round}` };
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    const end = { name: error.name, message: error.message, reason: error.code, retryable: false };
    const set = { status: "error" as const, task: step.task, endedAt: context.clock.now(), error: end };
    const { ended } = await endIdleRun(context, ref, header, member.run, set);
    return ended ? { kind: "ended", run: ended } : LATER;
  }
}
const LATER: MemberOutcome = { kind: "later", delaySeconds: 1 };

/**
 * Returns the step that an identity runs. Stamps, headers, callbacks and times are those of a job. So is a switched-off
 * result, since others may want it.
 */
function sharedStep({ task, each, kwargs, options }: TaskStep, args: readonly Json[]): TaskStep {
  const { queue, priority, timeout, retry } = options ?? {};
  const kept = {
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(timeout !== undefined && { timeout }),
    ...(retry && { retry }),
    dedupe: "none" as const,
  };
  return { task, args, ...(kwargs && { kwargs }), ...(each && { each }), immutable: true, options: kept };
}

/** Makes sure that each identity exists and has ended or is on its way to. */
async function ensureIdentities(
  context: Context,
  header: Header,
  asks: readonly Ask[],
  again: boolean,
): Promise<readonly Asked[]> {
  if (asks.length === 0) return [];
  const found = await readIdentities(
    context,
    asks.map(({ gid }) => gid),
  );
  const joined = again ? await joinedBefore(context, asks, found) : NOBODY;
  const reuses = asks.map((ask, k) => {
    const identity = found[k];
    return (
      identity !== undefined &&
      isTerminal(identity.run.status) &&
      (joined.has(ask) || mayReuse(context, header, ask, identity))
    );
  });
  // Whoever waits for an earlier round takes its end before another one begins.
  const over = new Map(
    found.flatMap((each, k) => (each && isEnded(each) && !reuses[k] ? [[each.run.gid, each.run]] : [])),
  );
  if (over.size > 0)
    await follow(
      context,
      [...over.values()].map((run) => ({ kind: "run" as const, run })),
    );
  // Members of a message that ask for the same begin it once.
  const beginning = new Map(
    asks.map((ask, k) => [ask.gid, k] as const).filter(([, k]) => !reuses[k] && !isOpen(found[k])),
  );
  const ops = await all([...beginning.values()].map(async (k) => beginOp(context, header, asks[k] as Ask, found[k])));
  const results = ops.length > 0 ? await context.store.writeMany(ops) : [];
  const begun = new Map([...beginning.keys()].map((gid, k) => [gid, writtenIdentity(results[k] as WriteResult)]));
  const asked = asks.flatMap((ask, k): Asked[] => {
    const identity = (reuses[k] ? undefined : begun.get(ask.gid)) ?? found[k];
    return identity ? [{ ...ask, identity, reuses: reuses[k] === true }] : [];
  });
  const beginners = new Set(asks.map(({ asker }) => asker));
  const owing = new Map<string, Asked>();
  for (const each of asked) {
    const own = beginners.has(each.identity.header.asker ?? "");
    if (each.identity.run.status === "queued" && (own || again)) owing.set(each.gid, each);
  }
  await sendIdentities(
    context,
    [...owing.values()].map(({ identity, step }) => ({ header: identity.header, ...placeOf(context, step) })),
  );
  await all(
    asked
      .filter(({ identity }) => identity.header.ttl < header.ttl)
      .map(({ gid }) => keepIdentity(context, gid, header.ttl)),
  );
  return asked;
}
async function beginOp(context: Context, header: Header, ask: Ask, seen: Identity | undefined): Promise<WriteOp> {
  const start = await startOf(context, header, ask, seen);
  return seen ? restartIdentityOp(context, seen, start) : createIdentityOp(context, ask.gid, start);
}
const NOBODY: ReadonlySet<Ask> = new Set();
const isEnded = ({ run }: Identity): boolean => isTerminal(run.status);
const isOpen = (identity: Identity | undefined): boolean => identity !== undefined && !isEnded(identity);

/** Finds asks whose run had subscribed to the present round before its process died. They take its end, whatever it is. */
async function joinedBefore(
  context: Context,
  asks: readonly Ask[],
  found: readonly (Identity | undefined)[],
): Promise<ReadonlySet<Ask>> {
  const ended = asks.flatMap((ask, k) => {
    const identity = found[k];
    return identity && isEnded(identity) ? [{ ask, identity }] : [];
  });
  const keys = ended.map(({ ask, identity }) => subscriptionOf(context, ask.gid, identity.run.round, ask.member.ref));
  const items = keys.length > 0 ? await context.store.getMany(keys) : [];
  return new Set(ended.flatMap(({ ask }, k) => (items[k] ? [ask] : [])));
}

/**
 * Whether the end of an identity answers an ask: it is good, not too old, and is kept as long as the job that asks. Or
 * the ask itself has begun the round.
 */
function mayReuse(context: Context, header: Header, { dedupe, asker }: Ask, identity: Identity): boolean {
  const { run } = identity;
  if (identity.header.asker === asker) return true;
  if (!isSuccess(run.status) || dedupe === "running") return false;
  if (typeof dedupe === "number" && context.clock.now() - (run.endedAt ?? 0) >= dedupe * 1_000) return false;
  return header.ttl <= keptUntil(context, identity);
}
/**
 * Returns until when the end of an identity can be kept, in seconds since the epoch. A value within its item stays as
 * long as somebody asks for it. Results of a group expire with the group, and blobs at the age at which all of them do.
 */
function keptUntil({ config }: Context, { header, run }: Identity): number {
  if (run.collects !== undefined) return header.ttl;
  if (run.valueRef === undefined) return Number.POSITIVE_INFINITY;
  return Math.floor((run.endedAt ?? 0) / 1_000) + config.maxJobTimeoutSeconds + config.retentionSeconds;
}

/** Stores what an identity is begun with: its task in its item, or on a page of its own when that is large. */
async function startOf(
  context: Context,
  { ttl }: Header,
  { gid, step, asker }: Ask,
  seen: Identity | undefined,
): Promise<IdentityStart> {
  const kept = Math.max(ttl, Math.ceil(context.clock.now() / 1_000) + context.config.identityRetentionSeconds);
  const start = { task: step.task, ttl: kept, asker };
  const text = JSON.stringify(step);
  await keepBlobs(context, step as unknown as Json, kept);
  if (text.length <= INLINE_STEP) return { ...start, step };
  const owned = { ...ownedBy({ jobId: gid, ttl: kept } as Header) };
  const page = `${gid}!${seen ? seen.run.round + 1 : 0}.${context.ids.hash(text).slice(0, 12)}`;
  return { ...start, plan: (await context.plans.write(context, page, rootStep([step]), owned)).pointer };
}
/** Characters of JSON. With a larger step each write of the item might cost another unit. */
const INLINE_STEP = 400;

/** Ends a member as an identity has ended before. One write, like the end of any run. */
async function reuseEnd(context: Context, header: Header, { member, identity }: Asked): Promise<Report> {
  const { ref, run, step } = member;
  const end = { ...endTaken(context, identity, takesNoValue(step)), task: step.task, reused: true as const };
  const { ended } = await endIdleRun(context, ref, header, run, end);
  return { ref, outcome: ended ? { kind: "ended", run: ended } : LATER };
}
const takesNoValue = ({ options }: TaskStep): boolean => options?.ignoreResult === true;

/** Lets members wait for the ends of identities, and looks whether these have ended since. */
async function awaitEnds(context: Context, header: Header, asked: readonly Asked[]): Promise<readonly Report[]> {
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
    rows.map((row, k) => {
      const { gid, identity, member } = asked[k] as Asked;
      return subscribeToOp(context, gid, identity.run.round, member.ref, row);
    }),
  );
  const results = await context.store.writeMany(
    rows.map(({ gid: _gid, index: _index, stepIndex: _step, runId: _runId, ...attributes }, k) => {
      const { ref, run } = (asked[k] as Asked).member;
      return awaitIdentityOp(context, ref, run, attributes);
    }),
  );
  return all(
    results.map(async (result, k) => {
      const { ref } = (asked[k] as Asked).member;
      return { ref, outcome: await afterWait(context, runWrite(ref, result)) };
    }),
  );
}
async function afterWait(context: Context, { run, ended }: RunWrite): Promise<MemberOutcome> {
  if (ended) return { kind: "ended", run: ended };
  if (run?.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  return run ? LATER : { kind: "done" };
}
