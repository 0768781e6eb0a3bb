import type { Dedupe } from "../../core/canvas/canvas.ts";
import { dependenciesOf } from "../../core/canvas/depends-on.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { hasStaleEdges } from "../follow/wake-dependents.ts";
import { follow } from "../follow/follow.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import {
  createIdentityOp,
  type Identity,
  type IdentityStart,
  keepIdentity,
  readIdentities,
  restartIdentityOp,
  subscriptionOf,
  writtenIdentity,
} from "../items/identity-items.ts";
import { keepBlobs } from "../items/shared-blobs.ts";
import { sendIdentities } from "../messages/send.ts";
import { rootStep } from "../plan/job-shape.ts";
import { placeOf } from "../plan/step-placement.ts";
import { memberStrand } from "../plan/strands.ts";
import type { WriteOp, WriteResult } from "../ports.ts";

/** What somebody asks for: the end of an identity. */
export interface Ask {
  readonly gid: string;
  readonly dedupe: Dedupe;
  /** The task with all its arguments, as the identity runs it. */
  readonly step: TaskStep;
  /** Names this ask, so that a repeated one takes the end of the round that it has begun. */
  readonly asker: string;
  /** The run that takes over the end. Absent where it is only given the value. */
  readonly adopter?: RunRef;
  /** The round whose end is taken at least, whatever it is. Set once a run has waited for it. */
  readonly wanted?: number | undefined;
  /** Whether an end that can never be any other is taken again. It is by those who depend on it. */
  readonly takesBroken?: true;
}
/** What an ask comes to: the identity as it stands, and whether its end is taken now. */
export type Asked<Each extends Ask = Ask> = Each & { readonly identity: Identity; readonly reuses: boolean };

/**
 * Makes sure that each identity exists and has ended or is on its way to. `again` says that the asks may have been made
 * before, by a process that died in the middle.
 */
export async function ensureIdentities<Each extends Ask>(
  context: Context,
  header: Pick<Header, "ttl">,
  asks: readonly Each[],
  again: boolean,
): Promise<readonly Asked<Each>[]> {
  if (asks.length === 0) return [];
  const found = await readIdentities(
    context,
    asks.map(({ gid }) => gid),
  );
  const joined = again ? await joinedBefore(context, asks, found) : NOBODY;
  const reuses = await all(
    asks.map(async (ask, k) => {
      const identity = found[k];
      if (identity === undefined || !isTerminal(identity.run.status)) return false;
      if (joined.has(ask) || takesAny(ask, identity)) return true;
      if (!mayReuse(context, header, ask, identity)) return false;
      return !(await lacksDependency(context, ask, identity)) && !(await hasStaleEdges(context, identity.run));
    }),
  );
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
  const asked = asks.flatMap((ask, k): Asked<Each>[] => {
    const identity = (reuses[k] ? undefined : begun.get(ask.gid)) ?? found[k];
    return identity ? [{ ...ask, identity, reuses: reuses[k] === true }] : [];
  });
  const beginners = new Set(asks.map(({ asker }) => asker));
  const owing = new Map<string, Asked<Each>>();
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
      .map(({ gid }) => keepIdentity(context, gid, header.ttl + KEPT_LONGER_SECONDS)),
  );
  return asked;
}
async function beginOp(
  context: Context,
  header: Pick<Header, "ttl">,
  ask: Ask,
  seen: Identity | undefined,
): Promise<WriteOp> {
  const step = seen ? withDependencies(ask.step, await stepOf(context, seen)) : ask.step;
  const start = await startOf(context, header, { ...ask, step }, seen);
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
    const { adopter } = ask;
    return identity && adopter && isEnded(identity) ? [{ ask, adopter, identity }] : [];
  });
  const keys = ended.map(({ ask, adopter, identity }) => subscriptionOf(context, ask.gid, identity.run.round, adopter));
  const items = keys.length > 0 ? await context.store.getMany(keys) : [];
  return new Set(ended.flatMap(({ ask }, k) => (items[k] ? [ask] : [])));
}

/** Whether an ask takes the end of an identity whatever it is, since it has begun the round or waited for it. */
const takesAny = ({ asker, wanted }: Ask, { header, run }: Identity): boolean =>
  header.asker === asker || (wanted !== undefined && run.round >= wanted);
/** Whether the end of an identity answers an ask: it is good, not too old, and is kept as long as the job that asks. */
function mayReuse(context: Context, header: Pick<Header, "ttl">, ask: Ask, identity: Identity): boolean {
  const { run } = identity;
  const { dedupe } = ask;
  const isFinal = isSuccess(run.status) || (ask.takesBroken === true && isBrokenByTask(run));
  if (!isFinal || dedupe === "running") return false;
  if (typeof dedupe === "number" && context.clock.now() - (run.endedAt ?? 0) >= dedupe * 1_000) return false;
  return header.ttl <= keptUntil(context, identity);
}
/** Whether the task itself has said that it can never succeed. What the engine has broken may succeed another time. */
const isBrokenByTask = ({ status, error }: Run): boolean =>
  status === "broken" && !ENGINE_REASONS.includes(error?.reason ?? "");
const ENGINE_REASONS = ["unknown_task", "task_killed", "dead_letter", "dependency_has_error", "dependency_cycle"];

/** Whether an ask declares a dependency that the identity has not, or another one by its name. */
async function lacksDependency(context: Context, { step }: Ask, identity: Identity): Promise<boolean> {
  const wanted = dependenciesOf(step.options);
  if (!wanted) return false;
  const own = dependenciesOf((await stepOf(context, identity)).options) ?? {};
  return Object.entries(wanted).some(([name, each]) => textOf(own[name]) !== textOf(each));
}
const textOf = (dependency: unknown): string => canonicalJson((dependency ?? null) as Json);
async function stepOf(context: Context, { header }: Identity): Promise<TaskStep> {
  return (await memberStrand(context, header, 0)).strand[0] as TaskStep;
}
/** Returns the step with the dependencies that an earlier round declared. One of the same name is replaced. */
function withDependencies(step: TaskStep, before: TaskStep): TaskStep {
  const earlier = dependenciesOf(before.options);
  if (!earlier) return step;
  return { ...step, options: { ...step.options, dependsOn: { ...earlier, ...dependenciesOf(step.options) } } };
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
  { ttl }: Pick<Header, "ttl">,
  { gid, step, asker }: Ask,
  seen: Identity | undefined,
): Promise<IdentityStart> {
  const least = Math.max(ttl, Math.ceil(context.clock.now() / 1_000) + context.config.identityRetentionSeconds);
  const kept = least + KEPT_LONGER_SECONDS;
  const start = { task: step.task, ttl: kept, asker };
  const text = JSON.stringify(step);
  await keepBlobs(context, step as unknown as Json, kept);
  if (text.length <= INLINE_STEP) return { ...start, step };
  const owned = { ...ownedBy({ jobId: gid, ttl: kept } as Header) };
  const page = `${gid}!${seen ? seen.run.round + 1 : 0}.${context.ids.hash(text).slice(0, 12)}`;
  return { ...start, plan: (await context.plans.write(context, page, rootStep([step]), owned)).pointer };
}
/** Each later job wants its identities longer. So a write keeps them for some more time than it has to. */
const KEPT_LONGER_SECONDS = 30 * 86_400;
/** Characters of JSON. With a larger step each write of the item might cost another unit. */
const INLINE_STEP = 400;

/**
 * Returns the step that an identity runs. Stamps, headers, callbacks and times are those of a job. So is a switched-off
 * result, since others may want it.
 */
export function sharedStep({ task, each, kwargs, options }: TaskStep, args: readonly Json[]): TaskStep {
  const { queue, priority, timeout, retry, dependsOn } = options ?? {};
  const kept = {
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(timeout !== undefined && { timeout }),
    ...(retry && { retry }),
    ...(dependsOn && { dependsOn }),
    dedupe: "none" as const,
  };
  return { task, args, ...(kwargs && { kwargs }), ...(each && { each }), immutable: true, options: kept };
}
