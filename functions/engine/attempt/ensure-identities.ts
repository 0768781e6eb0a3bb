import { dependenciesOf } from "../../core/canvas/depends-on.ts";
import type { Json } from "../../core/json.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import {
  createIdentityOp,
  type Identity,
  type IdentityStart,
  keepIdentity,
  readIdentities,
  type RoundStart,
  restartIdentityOp,
  runAnywayOp,
  subscriptionOf,
  writtenIdentity,
} from "../items/identity-items.ts";
import { listOps } from "../items/identity-list.ts";
import { keepBlobs } from "../items/shared-blobs.ts";
import { sendIdentities } from "../messages/send.ts";
import { rootStep } from "../plan/job-shape.ts";
import { placeOf, queueOf } from "../plan/step-placement.ts";
import type { WriteOp, WriteResult } from "../ports.ts";
import { type Ask, type Asked, stepOf } from "./ask.ts";
import { judgeEnd, mayReuse } from "./judge-end.ts";

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
  const starts = await all(
    asks.map(async (ask, k) => {
      const identity = found[k];
      return identity && isEnded(identity) && !joined.has(ask) ? judgeEnd(context, header, ask, identity) : undefined;
    }),
  );
  const reuses = asks.map((_, k) => starts[k] === undefined && found[k] !== undefined && !isOpen(found[k]));
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
  await runAnyway(context, header, asks, found);
  const ops = await all(
    [...beginning.values()].map(async (k) => beginOp(context, header, asks[k] as Ask, found[k], starts[k])),
  );
  const listed = [...beginning].flatMap(([gid, k]) => listOps(context, gid, (asks[k] as Ask).step));
  if (listed.length > 0) await context.store.writeMany(listed);
  const results = ops.length > 0 ? await context.store.writeMany(ops) : [];
  const begun = new Map([...beginning.keys()].map((gid, k) => [gid, writtenIdentity(results[k] as WriteResult)]));
  // Who has waited for a round takes an end that is no older than its question.
  asks.forEach(({ step, wanted }, k) => {
    if (reuses[k] && wanted === undefined)
      context.statistics.note("identity_reused", step.task, queueOf(context, step));
  });
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
      .map(({ gid, step }) => keepLonger(context, gid, step, header.ttl + KEPT_LONGER_SECONDS)),
  );
  return asked;
}
async function keepLonger(context: Context, gid: string, step: TaskStep, ttl: number): Promise<void> {
  const listed = listOps(context, gid, step);
  if (listed.length > 0) await context.store.writeMany(listed);
  await keepIdentity(context, gid, ttl);
}
async function beginOp(
  context: Context,
  header: Pick<Header, "ttl">,
  ask: Ask,
  seen: Identity | undefined,
  row: RoundStart | undefined,
): Promise<WriteOp> {
  const step = seen && !seen.run.forgotten ? withDependencies(ask.step, await stepOf(context, seen)) : ask.step;
  const start = { ...(await startOf(context, header, { ...ask, step }, seen)), ...(row && { row }) };
  return seen ? restartIdentityOp(context, seen, start) : createIdentityOp(context, ask.gid, start);
}
const NOBODY: ReadonlySet<Ask> = new Set();
const isEnded = ({ run }: Identity): boolean => isTerminal(run.status);
const isOpen = (identity: Identity | undefined): boolean => identity !== undefined && !isEnded(identity);

/** Lets the code of identities run that only find out whether an end still holds which somebody may not take. */
async function runAnyway(
  context: Context,
  header: Pick<Header, "ttl">,
  asks: readonly Ask[],
  found: readonly (Identity | undefined)[],
): Promise<void> {
  const ops = asks.flatMap((ask, k): readonly WriteOp[] => {
    const identity = found[k];
    const kept = identity?.run.kept;
    if (!identity || !kept || isEnded(identity)) return [];
    const end = { ...identity, run: { ...identity.run, ...kept } };
    return mayReuse(context, header, ask, end) ? [] : [runAnywayOp(identity)];
  });
  if (ops.length > 0) await context.store.writeMany(ops);
}

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

/** Returns the step with the dependencies that an earlier round declared. One of the same name is replaced. */
function withDependencies(step: TaskStep, before: TaskStep): TaskStep {
  const earlier = dependenciesOf(before.options);
  if (!earlier) return step;
  return { ...step, options: { ...step.options, dependsOn: { ...earlier, ...dependenciesOf(step.options) } } };
}

/** Stores what an identity is begun with: its task in its item, or on a page of its own when that is large. */
export async function startOf(
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
