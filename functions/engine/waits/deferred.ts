import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { isShared, parseRunId, runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import type { AwaitedEvent, AwaitedRun, EventLook } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { RunView } from "../job-views.ts";
import { eventItemKey, type Run, type RunAttributes } from "../item-kinds.ts";
import { asSentEvent } from "../items/event-items.ts";
import { readHeader } from "../items/header-reads.ts";
import { duePart } from "../items/run-reads.ts";
import { endDeferral, queueWoken, takeUnmet } from "../items/run-writes.ts";
import { loadValue } from "../items/values.ts";
import { sendRun } from "../messages/send.ts";
import { awaitedBy, awaitsNodes, dependencyOf, metOf, parseDependency, subscribeOps } from "./dependencies.ts";
import { refuseCycle } from "./cycles.ts";
import { resumeNode } from "./nodes.ts";
import { parseLock } from "./lock-names.ts";

/**
 * Runs that wait for events in the middle of user code (docs/protocol-rules.md, section 9).
 *
 *     started -> deferred -> queued     all events are there, or the group that the run streams into has decided
 *                deferred -> started    the wait has timed out
 *
 * The run subscribes, THEN commits `deferred` with its unmet events, THEN checks for the events again. A sender puts
 * the event, THEN wakes the subscribers. So one of the two sees both the event and the deferral.
 */

/**
 * Checks for an event. Once the row holds a deadline, the time at which the event was sent decides, and not the time of
 * the check, so all attempts agree.
 */
export async function lookForEvent(
  context: Context,
  run: Run,
  name: string,
  timeoutSeconds: number | undefined,
): Promise<EventLook> {
  if (isShared(run.jobId))
    throw new FanfoldError(
      "shared_run",
      `${run.runId} is shared by jobs, so no event can be sent to it: wait in a run of the job`,
      {
        details: { runId: run.runId },
      },
    );
  const now = context.clock.now(); // before the read, so an event that is put later counts as late
  const kept = run.eventDeadlines?.[name];
  const deadline = timeoutSeconds === undefined ? undefined : (kept ?? now + timeoutSeconds * 1_000);
  const event = asSentEvent(await context.store.get(eventItemKey(run.jobId, name), { consistent: true }));
  // At the first check there is no stored deadline that the event could have missed.
  if (event && (deadline === undefined || kept === undefined || (event.at ?? 0) <= deadline))
    return { kind: "sent", value: await loadValue(context, event) };
  if (deadline === undefined) return { kind: "unsent", name };
  return event || deadline <= now ? { kind: "over" } : { kind: "unsent", name, deadline };
}

/** Returns what a deferred run waits for. */
export function unmetOf(run: Run): NonNullable<RunView["unmet"]> {
  return [...(run.unmet ?? [])].map((dependency) => {
    const { kind, name } = parseDependency(dependency);
    if (kind === "rate") return { of: "rate", name: name.slice(name.indexOf("#") + 1), ...endPart(run.notBefore) };
    if (kind === "event") return { of: "event", name, ...endPart(run.eventDeadlines?.[name]) };
    if (kind === "run") return { of: "run", name: runIdOf(name, 0, 0) };
    if (kind === "node") return { of: "node", name: runIdOf(run.gid, Number(name), 0) };
    const { mode, key } = parseLock(name);
    return { of: mode === "place" ? "concurrency" : "lock", name: key, ...endPart(run.notBefore) };
  });
}
const endPart = (expiresAt: number | undefined): { readonly expiresAt?: number } =>
  expiresAt === undefined ? {} : { expiresAt };

/** Subscribes a run to events and runs, and returns what the commit of its deferred attempt sets. */
export async function deferredPart(
  context: Context,
  run: Run,
  events: readonly AwaitedEvent[],
  runs: readonly AwaitedRun[] = [],
): Promise<Partial<RunAttributes>> {
  const until = Object.fromEntries(
    events.flatMap(({ name, deadline }) => (deadline === undefined ? [] : [[name, deadline]])),
  );
  const eventDeadlines = { ...until, ...run.eventDeadlines };
  if (Object.keys(eventDeadlines).length > LIMITS.awaitedEvents) {
    throw new FanfoldError(
      "invalid_request",
      `a run waits for at most ${LIMITS.awaitedEvents} names of events with a timeout: let the next step wait for more`,
    );
  }
  const unmet = [
    ...events.map(({ name }) => dependencyOf("event", name)),
    ...runs.map(({ gid }) => dependencyOf("run", gid)),
  ];
  await context.store.writeMany(subscribeOps(context, run, unmet));
  const now = context.clock.now();
  const ends = Object.values(until);
  return {
    status: "deferred",
    unmet: new Set(unmet),
    sentAt: now,
    ...(runs.length > 0 && { asked: askedOf(run, runs) }),
    ...(ends.length > 0 && { eventDeadlines, ...duePart(context, run.runId, Math.min(...ends), now) }),
  };
}

/** Returns the rounds that a run waits for, with those that it has waited for before. */
export const askedOf = ({ asked }: Pick<Run, "asked">, runs: readonly AwaitedRun[]): NonNullable<Run["asked"]> => ({
  ...Object.fromEntries(runs.map(({ gid, round }) => [gid, round])),
  ...asked,
});

/** What became of a deferred run that was looked at: it is deferred no more, or its waits were a cycle and ended it. */
export interface Resumed {
  readonly woken: boolean;
  readonly ended?: Run | undefined;
}
/** Checks whether what a deferred run waits for is there, and wakes it if so. The caller follows a run that has ended. */
export async function resumeDeferred(context: Context, run: Run): Promise<Resumed> {
  if (awaitsNodes(run) || (await hasTakenAll(context, run))) return resumeNode(context, run);
  if (awaitedBy(run).length > 0) {
    if (await wakeDependent(context, run)) return { woken: true };
    return { woken: false, ended: await refuseCycle(context, run) };
  }
  const unmet = [...(run.unmet ?? [])];
  const met = await metOf(context, run, unmet);
  const none = met.length < unmet.length && met.length === 0;
  return { woken: !none && (await wakeRun(context, run.runId, met)) };
}
/** Whether a run is a node of a graph that waits for nothing any more: who took the last one has died before it queued it. */
async function hasTakenAll(context: Context, { unmet, adopts, gid, stepIndex, attempt }: Run): Promise<boolean> {
  if (unmet !== undefined || adopts !== undefined || stepIndex > 0) return false;
  const header = await readHeader(context, gid);
  return header?.graph === true && attempt === 0;
}
/**
 * Wakes a run that waits for other runs once all of these have ended. One unit. Each that ends is stored before it looks
 * at the others, so the last one sees all. Only the writer sends, since whoever has died before the send wakes again.
 * Returns true when the run is not deferred any more.
 */
export async function wakeDependent(context: Context, run: Run): Promise<boolean> {
  const unmet = [...(run.unmet ?? [])];
  if ((await metOf(context, run, unmet)).length < unmet.length) return false;
  const sentAt = context.clock.now();
  const { run: woken } = await endDeferral(context, run, sentAt);
  // The response of the write may have been lost, so the row says whether it was this one.
  if (woken?.sentAt === sentAt) await sendWoken(context, woken);
  return true;
}

/**
 * Removes met dependencies of a run, and queues it when none is left. Sends the message whenever the row is queued,
 * because the process that queued it may have died before its send. Returns true when the run is not deferred any more.
 */
export async function wakeRun(context: Context, runId: string, met: readonly string[]): Promise<boolean> {
  const ref = parseRunId(runId) as RunRef;
  // Nothing is met now when the process that removed the last dependency died before it queued the run.
  let { run } = met.length > 0 ? await takeUnmet(context, ref, met) : await queueWoken(context, ref);
  if (met.length > 0 && run?.status === "deferred" && run.unmet === undefined)
    ({ run } = await queueWoken(context, ref));
  await sendWoken(context, run);
  return run?.status !== "deferred";
}
/** Wakes a run in the deferral that was read: its own group has decided, or the lock that it waits for is free. */
export async function wakeOwner(context: Context, run: Run): Promise<void> {
  await sendWoken(context, (await endDeferral(context, run)).run);
}
async function sendWoken(context: Context, run: Run | undefined): Promise<void> {
  if (run?.status !== "queued") return;
  const header = await readHeader(context, run.gid);
  // A run that was woken for a lock below a decided group passes the lock on when its message is handled.
  if (header && (!header.outcome || run.parked)) await sendRun(context, header, run, 0);
}
