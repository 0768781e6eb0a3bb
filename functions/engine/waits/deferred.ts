import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { parseRunId, type RunRef } from "../../core/plan/run-id.ts";
import type { AwaitedEvent, EventLook } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { RunView } from "../job-views.ts";
import { asSentEvent, eventItemKey, ITEM_VERSION, type Run, type RunAttributes, waiterKey } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import { readHeader } from "../items/header-reads.ts";
import { duePart } from "../items/run-reads.ts";
import { endDeferral, queueWoken, takeUnmet } from "../items/run-writes.ts";
import { loadValue } from "../items/values.ts";
import { sendRun } from "../messages/send.ts";

/**
 * Runs that wait for events in the middle of user code (docs/protocol.md, section 9). The run subscribes, THEN commits `deferred` with what is unmet, THEN looks for the
 * events again; whoever sends puts the event, THEN wakes the subscribers. One of them sees both.
 */
const EVENT = "event:";
export const eventDependency = (name: string): string => `${EVENT}${name}`;
const eventOf = (dependency: string): string => dependency.slice(EVENT.length);

/** A deadline, once there is one, decides by when the event was sent, not by when somebody looks: attempts agree on it. */
export async function lookForEvent(context: Context, run: Run, name: string, timeoutSeconds: number | undefined): Promise<EventLook> {
  const now = context.clock.now(); // before the read: what is put after it is late
  const kept = run.eventDeadlines?.[name];
  const deadline = timeoutSeconds === undefined ? undefined : (kept ?? now + timeoutSeconds * 1_000);
  const event = asSentEvent(await context.store.get(eventItemKey(run.jobId, name), { consistent: true }));
  // At a first look nothing has been said yet of a time that is over: what is there is there.
  if (event && (deadline === undefined || kept === undefined || (event.at ?? 0) <= deadline)) return { kind: "sent", value: await loadValue(context, event) };
  if (deadline === undefined) return { kind: "unsent", name };
  return event || deadline <= now ? { kind: "over" } : { kind: "unsent", name, deadline };
}

export function unmetEvents(run: Run): NonNullable<RunView["unmet"]> {
  return [...(run.unmet ?? [])].map(eventOf).map((name) => {
    const expiresAt = run.eventDeadlines?.[name];
    return { of: "event", name, ...(expiresAt !== undefined && { expiresAt }) };
  });
}

/** What the commit of a deferred attempt sets. Subscribes first. */
export async function deferredPart(context: Context, run: Run, events: readonly AwaitedEvent[]): Promise<Partial<RunAttributes>> {
  const until = Object.fromEntries(events.flatMap(({ name, deadline }) => (deadline === undefined ? [] : [[name, deadline]])));
  const eventDeadlines = { ...until, ...run.eventDeadlines };
  if (Object.keys(eventDeadlines).length > LIMITS.awaitedEvents) {
    throw new FanfoldError(
      "invalid_request",
      `a run waits for at most ${LIMITS.awaitedEvents} names of events with a timeout: let the next step wait for more`,
    );
  }
  const { jobId, runId, ttl } = run;
  const hash = context.ids.hash(runId);
  const attributes = { v: ITEM_VERSION, jobId, ttl, runId };
  await context.store.writeMany(events.map(({ name }) => ({ op: "put", key: waiterKey(jobId, name, hash), attributes, when: absent() })));
  const now = context.clock.now();
  const ends = Object.values(until);
  return {
    status: "deferred",
    unmet: new Set(events.map(({ name }) => eventDependency(name))),
    sentAt: now,
    ...(ends.length > 0 && { eventDeadlines, ...duePart(context, runId, Math.min(...ends), now) }),
  };
}

/** A deferred run met again, by whoever meets it: has what it waits for happened? `true`: it rests no more. */
export async function resumeDeferred(context: Context, run: Run): Promise<boolean> {
  const unmet = [...(run.unmet ?? [])];
  const events = await context.store.getMany(unmet.map((dependency) => eventItemKey(run.jobId, eventOf(dependency))));
  const met = unmet.filter((_, k) => events[k] !== undefined);
  return met.length < unmet.length && met.length === 0 ? false : wakeRun(context, run.runId, met);
}

/** These dependencies are met. The message goes out whenever the row IS queued: whoever queued it may have died before its send. `true`: it rests no more. */
export async function wakeRun(context: Context, runId: string, met: readonly string[]): Promise<boolean> {
  const ref = parseRunId(runId) as RunRef;
  // Without any: somebody took the last one and died.
  let { run } = met.length > 0 ? await takeUnmet(context, ref, met) : await queueWoken(context, ref);
  if (met.length > 0 && run?.status === "deferred" && run.unmet === undefined) ({ run } = await queueWoken(context, ref));
  await sendWoken(context, run);
  return run?.status !== "deferred";
}
/** The group that the run streams into has decided: it need not wait for anything. */
export async function wakeOwner(context: Context, run: Run): Promise<void> {
  await sendWoken(context, (await endDeferral(context, run)).run);
}
async function sendWoken(context: Context, run: Run | undefined): Promise<void> {
  if (run?.status !== "queued") return;
  const header = await readHeader(context, run.gid);
  if (header && !header.outcome) await sendRun(context, header, run, 0);
}
