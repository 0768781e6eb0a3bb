import { isIdentity, type RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { asRun, attributesOf, type Header, ownedBy, type Run, type RunAttributes, runKey } from "../item-kinds.ts";
import type { Change, Condition, WriteResult } from "../ports.ts";
import { absent, and, contains, eq, not, oneOf, or, present } from "./conditions.ts";
import { idle, leaseOver, notTerminal } from "./run-conditions.ts";
import { attended, childGroup, identify } from "./run-reads.ts";
import { KEPT_ATTRIBUTES } from "./sharing-attributes.ts";
import { tierPart } from "./tier-part.ts";

/**
 * Every conditional write on a run row (docs/protocol-rules.md, section 5). Each costs one write unit for a row under 1 KB.
 * `applied: false` does not prove that another process wrote, because the response of the first try may have been lost.
 * So callers decide by the row. Outcomes of each write: applied; refused, with `run` as it is now; refused because
 * there is no row.
 */
export interface RunWrite {
  readonly applied: boolean;
  /** The row as it is now. Absent when there is none. */
  readonly run: Run | undefined;
  /** The row when it is terminal. Absent while the run has not ended, and when there is no row. */
  readonly ended: Run | undefined;
}
export function runWrite(ref: RunRef, { applied, item }: WriteResult): RunWrite {
  const run = asRun(item, identify(ref));
  return { applied, run, ended: run && isTerminal(run.status) ? run : undefined };
}

export async function updateRun(context: Context, ref: RunRef, change: Change, when: Condition): Promise<RunWrite> {
  const written = runWrite(
    ref,
    await context.store.write({ op: "update", key: runKey(ref, context.config.width), change, when }),
  );
  if (written.applied && change.set?.["status"] !== undefined) countEnd(context, written.ended);
  return written;
}
/**
 * Adds a run to the statistics that a write has ended without an attempt. Its queue is that of its task, because its
 * step is not at hand.
 */
function countEnd(context: Context, run: Run | undefined): void {
  if (run?.task === undefined) return;
  const { statistics, clock, queueNames, registry } = context;
  const queue = queueNames.of(registry.info(run.task)?.queue);
  const now = clock.now();
  statistics.add(now, run.task, queue, { [run.status]: 1 });
  statistics.addQueue(now, queue, "runs");
}

/**
 * Creates rows of runs that have not started: next steps, pages, members with full tracking or a start time. An
 * existing row stays as it is.
 */
export async function createRuns(context: Context, runs: readonly NewRun[]): Promise<RunWrite[]> {
  if (runs.length === 0) return [];
  const results = await putRuns(context, runs);
  return results.map((result, k) => {
    const written = runWrite((runs[k] as NewRun).ref, result);
    if (written.applied) countEnd(context, written.ended);
    return written;
  });
}
/** Creates one row, as `createRuns` does. */
export async function createRun(context: Context, run: NewRun): Promise<RunWrite> {
  return (await createRuns(context, [run]))[0] as RunWrite;
}
/** Creates rows like `createRuns`, for callers that need not know which rows existed before. */
export function putRuns(context: Context, runs: readonly NewRun[]): Promise<readonly WriteResult[]> {
  return context.store.writeMany(
    runs.map(({ ref, attributes }) => ({
      op: "put",
      key: runKey(ref, context.config.width),
      attributes: attributesOf(attributes),
      when: absent(),
    })),
  );
}
interface NewRun {
  readonly ref: RunRef;
  readonly attributes: Partial<RunAttributes>;
}
/**
 * Makes a group step wait for its child group, without a lease. `seen` is undefined for a lazy member without a row.
 */
export async function waitForGroup(
  context: Context,
  ref: RunRef,
  header: Header,
  seen: Run | undefined,
  takes: NonNullable<RunAttributes["takes"]>,
): Promise<RunWrite> {
  const joins = childGroup({ ...identify(ref), ...(seen?.since !== undefined && { since: seen.since }) });
  if (!seen) {
    const attributes = {
      ...ownedBy(header),
      status: "waiting" as const,
      round: header.round,
      attempt: 0,
      joins,
      ownCounts: {},
      takes,
    };
    return createRun(context, { ref, attributes });
  }
  return updateRun(
    context,
    ref,
    { set: attributesOf({ status: "waiting", joins, ownCounts: {}, takes }) },
    idle(context.clock.now()),
  );
}
/** Ends a run that never started, because it expired or its task is unknown. Only while the run is idle. */
export async function endIdleRun(
  context: Context,
  ref: RunRef,
  header: Header,
  seen: Run | undefined,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  if (!seen) return createEnded(context, ref, header, set);
  return updateRun(
    context,
    ref,
    endOf(context, seen, set, ["notBefore", "due", "dueShard", "unmet", ...ofDependencies(seen, set)]),
    idle(context.clock.now()),
  );
}
/** Returns the change that ends a run. A failed one that jobs share may run again later. */
function endOf(context: Context, seen: Run, set: Partial<RunAttributes>, remove: readonly string[]): Change {
  const all = { ...set, ...tierPart(context, seen, set) };
  const due = seen.due === undefined ? [] : ["notBefore", "due", "dueShard"];
  return { set: attributesOf(all), remove: [...new Set([...remove, ...due])].filter((name) => !(name in all)) };
}
/** Returns the attributes that say what a run depended on, unless it ends with them. */
const ofDependencies = (seen: Run, set: Partial<RunAttributes>): readonly string[] =>
  [
    ...(seen.asked ? ["asked"] : []),
    ...(seen.edges === undefined ? [] : ["edges"]),
    ...(seen.kept ? KEPT_ATTRIBUTES : []),
  ].filter((name) => !(name in set));
/** Ends a round of an identity as the round before has ended. Only while it is the round that was seen, and idle. */
export async function endVerified(context: Context, seen: Run, set: Partial<RunAttributes>): Promise<RunWrite> {
  const remove = ["notBefore", "due", "dueShard", "unmet", "unknownSince", "asked", ...KEPT_ATTRIBUTES];
  const when = and(eq("round", seen.round), present("kept"), idle(context.clock.now()));
  return updateRun(context, seen, endOf(context, seen, set, remove), when);
}
/** Ends an identity, or a run below one, that waits for an identity which waits for it. Only while it still does. */
export async function endCycle(
  context: Context,
  seen: Run,
  awaited: string,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  const waits = seen.adopts === awaited ? eq("adopts", awaited) : contains("unmet", `run:${awaited}`);
  const remove = ["notBefore", "due", "dueShard", "unmet", ...ofDependencies(seen, set)];
  return updateRun(context, seen, endOf(context, seen, set, remove), and(eq("status", "deferred"), waits));
}
/**
 * Ends a run that no worker holds and that does not wait, due or not. `seen` is undefined for a lazy member without a
 * row.
 */
export async function revokeIdleRun(
  context: Context,
  ref: RunRef,
  header: Header,
  seen: Run | undefined,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  if (!seen) return createEnded(context, ref, header, set);
  const unheld = or(
    oneOf("status", ["queued", "retrying", "pending", "deferred"]),
    and(eq("status", "started"), leaseOver(context, context.clock.now())),
  );
  return updateRun(
    context,
    ref,
    { set: attributesOf(set), remove: ["leaseOwner", "leaseUntil", "notBefore", "due", "dueShard", "unmet"] },
    unheld,
  );
}
/** Creates the row of a lazy member that ends without having started. */
async function createEnded(
  context: Context,
  ref: RunRef,
  header: Header,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  return createRun(context, { ref, attributes: { ...ownedBy(header), round: header.round, attempt: 0, ...set } });
}
/**
 * Wake 1: removes dependencies of a deferred run that are met. One unit. `run` says which are left, also when another
 * process removed these first.
 */
export async function takeUnmet(context: Context, ref: RunRef, dependencies: readonly string[]): Promise<RunWrite> {
  const any = or(...dependencies.map((dependency) => contains("unmet", dependency)));
  return updateRun(context, ref, { take: { unmet: new Set(dependencies) } }, and(eq("status", "deferred"), any));
}
/** Wake 2: queues a deferred run that has no unmet dependency, so a message is owed. */
export async function queueWoken(context: Context, ref: RunRef): Promise<RunWrite> {
  return updateRun(context, ref, woken(ref, context.clock.now()), and(eq("status", "deferred"), absent("unmet")));
}
/** Queues a deferred run whose dependencies no longer matter. Only while it is in the deferral that was read. */
export async function endDeferral(
  context: Context,
  seen: Run,
  sentAt: number = context.clock.now(),
): Promise<RunWrite> {
  return updateRun(context, seen, woken(seen, sentAt), and(eq("status", "deferred"), eq("attempt", seen.attempt)));
}
const woken = ({ gid }: RunRef, sentAt: number): Change => ({
  set: { status: "queued", sentAt },
  remove: ["unmet", "notBefore", ...(isIdentity(gid) ? [] : ["due", "dueShard"])],
});
/**
 * Notes that no worker knows the task of a run, and returns since when. The grace period starts at the first such note,
 * because the run may have waited in a queue for long before that.
 */
export async function noteUnknownTask(
  context: Context,
  ref: RunRef,
  header: Header,
  seen: Run | undefined,
  task: string,
): Promise<number> {
  const now = context.clock.now();
  if (seen?.unknownSince !== undefined) return seen.unknownSince;
  const attributes = {
    ...ownedBy(header),
    status: "queued" as const,
    round: header.round,
    attempt: 0,
    task,
    sentAt: now,
    unknownSince: now,
  };
  const { run } = seen
    ? await updateRun(context, ref, { setOnce: { unknownSince: now } }, and(present(), notTerminal))
    : await createRun(context, { ref, attributes });
  return run?.unknownSince ?? now;
}
/**
 * Counts a message that its queue gave up, on a row that is created if need be. Returns undefined when the row was
 * collected.
 */
export async function noteDeadLetter(
  context: Context,
  ref: RunRef,
  header: Header,
  seen: Run | undefined,
  task: string,
): Promise<Run | undefined> {
  const now = context.clock.now();
  if (seen)
    return (
      await updateRun(context, ref, { set: { sentAt: now }, add: { deadLetters: 1 } }, and(present(), notTerminal))
    ).run;
  const attributes = {
    ...ownedBy(header),
    status: "queued" as const,
    round: header.round,
    attempt: 0,
    task,
    sentAt: now,
    deadLetters: 1,
  };
  return (await createRun(context, { ref, attributes })).run;
}
/** Ends a run that killed its process too often, in place of a takeover. */
export async function breakDeadRun(context: Context, seen: Run, set: Partial<RunAttributes>): Promise<RunWrite> {
  const unheld = and(eq("status", "started"), eq("attempt", seen.attempt), leaseOver(context, context.clock.now()));
  return updateRun(context, seen, endOf(context, seen, set, ["leaseOwner", "leaseUntil"]), unheld);
}
/** Settles a run that waits for this group in this round. */
export async function settleRun(
  context: Context,
  owner: Run,
  gid: string,
  round: number,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  return updateRun(
    context,
    owner,
    endOf(context, owner, set, []),
    and(eq("status", "waiting"), eq("joins", gid), eq("round", round)),
  );
}
/** Cancels a run below a decided group that no worker holds. The write also fences a late commit. */
export async function cancelIdleRun(
  context: Context,
  run: Run,
  round: number,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  const held = and(eq("status", "started"), not(leaseOver(context, context.clock.now())));
  return updateRun(
    context,
    run,
    { set: attributesOf(set), remove: ["leaseOwner", "leaseUntil"] },
    and(present(), eq("round", round), notTerminal, not(held)),
  );
}
/** Cancels a waiting run whose child group was never created, below a decided group. */
export async function cancelWaitingRun(context: Context, run: Run, set: Partial<RunAttributes>): Promise<RunWrite> {
  return updateRun(context, run, { set: attributesOf(set) }, and(eq("status", "waiting"), eq("round", run.round)));
}
/** Notes that the message of a run is resent. Each resend doubles the time until the next one. */
export async function noteResend(context: Context, run: Run): Promise<void> {
  await updateRun(context, run, { set: { sentAt: context.clock.now() }, add: { sends: 1 } }, present());
}
/** Lets the sweep look after an identity again later. Only while it has not ended, and was not looked after since. */
export async function attendLater(context: Context, run: Run): Promise<void> {
  const change = { set: attributesOf(attended(context, run)), add: { sends: 1 } };
  await updateRun(context, run, change, and(eq("due", run.due ?? 0), notTerminal));
}
/** Removes a run from the due index once its message was sent with the exact delay. */
export async function clearDue(context: Context, run: Run, due: number): Promise<void> {
  await updateRun(context, run, { remove: ["due", "dueShard"] }, eq("due", due));
}
