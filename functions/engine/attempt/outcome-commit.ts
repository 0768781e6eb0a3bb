import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { addCounts, countOf, type Counts } from "../../core/plan/counts.ts";
import type { TerminalStatus } from "../../core/plan/run-state.ts";
import { retryDelaySeconds, retryPolicy } from "../../core/retry-policy.ts";
import type { ErrorData, Spawned, TaskOutcome } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { sealGroup } from "../follow/seal.ts";
import { readGate } from "../groups/gate.ts";
import { isRevoked, REVOKED } from "../groups/revocations.ts";
import type { RunAttributes } from "../item-kinds.ts";
import { duePart } from "../items/run-reads.ts";
import { keepValue } from "../items/values.ts";
import { refuseShare } from "../plan/compile-child.ts";
import { deferredPart } from "../waits/deferred.ts";
import type { AbortReason } from "../worker-loop.ts";
import { waitForExecution } from "./execution-outcome.ts";
import type { Attempt } from "./held-attempt.ts";
import { writeOutbox } from "./outbox.ts";
import { type OpenState, type Streamed, streamPages } from "./stream.ts";

/** The holder is alive and ends its attempt itself: nothing is held against the run any more. */
export const NOT_SUSPECT: readonly string[] = ["alone", "killsAlone", "died"];
export type Commit = { readonly set: Partial<RunAttributes>; readonly remove?: readonly string[]; readonly sendAfterSeconds?: number };

/** What the outcome writes. May write what must stand before the commit points at it: a large value, an outbox, pages. */
export async function commitOf(
  context: Context,
  attempt: Attempt,
  outcome: TaskOutcome,
  open: OpenState | undefined,
  reason: () => AbortReason | undefined,
): Promise<Commit | "lost"> {
  if (reason() === "cancelled") return cancelled(context, attempt);
  if (attempt.unclaimed && (outcome.kind === "stream" || (outcome.kind === "success" && outcome.spawned))) return failed(context, attempt, TOO_THIN, undefined);
  try {
    switch (outcome.kind) {
      case "success":
        if (open) return await waitingForPages(context, attempt, open, outcome.value);
        if (outcome.spawned && outcome.spawned.children.length > 0) {
          const manifest = await writeOutbox(context, attempt, outcome.spawned);
          return await waiting(context, attempt, outcome.value, outcome.counters, outcome.spawned.value, undefined, manifest);
        }
        return await ended(context, attempt, "success", await valuePart(context, attempt, outcome.value, "value"), outcome.counters);
      case "skipped":
        return await ended(context, attempt, "skipped", await valuePart(context, attempt, outcome.value, "value"));
      case "stream": {
        refuseShare(outcome.policy);
        const streamed = await streamPages(context, attempt, outcome, open, reason);
        if (reason() === "cancelled") return await cancelled(context, attempt);
        if (streamed.kind === "lost") return "lost";
        if (streamed.kind === "yielded")
          return {
            set: { status: "queued", notBefore: context.clock.now() + 1_000, sentAt: context.clock.now() },
            remove: NOT_SUSPECT,
            sendAfterSeconds: 1,
          };
        if (streamed.kind === "failed") return await streamFailed(context, attempt, streamed, reason);
        return await waiting(context, attempt, streamed.ownValue ?? null, undefined, streamed.ownValue === undefined ? "group" : "own", streamed);
      }
      case "deferred": {
        await attempt.log.keep(context, attempt.run);
        const set = await deferredPart(context, attempt.run, outcome.events);
        const ends = set.notBefore !== undefined && set.due === undefined;
        return { set, remove: NOT_SUSPECT, ...(ends && { sendAfterSeconds: Math.max(0, (set.notBefore - context.clock.now()) / 1_000) }) };
      }
      case "execution":
        return { set: await waitForExecution(context, attempt, outcome) };
      case "retry":
        return await failed(context, attempt, outcome.error, outcome.delaySeconds);
      case "failed":
        return await failed(context, attempt, outcome.error, undefined);
      case "broken":
        return await ended(context, attempt, "broken", { error: await attempt.log.keepError(context, attempt.run, outcome.error) });
    }
  } catch (error) {
    // The value, or what was spawned, was refused (too large, too deep, unknown): the task failed, and trying again would not help.
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    return failed(context, attempt, { name: error.name, message: error.message, reason: error.code, retryable: false }, undefined);
  }
}
const TOO_THIN: ErrorData = {
  name: "TrackingTooThin",
  message: "a member of a group that tracks results or only its ledger has no children: give the group, or the task, the tracking lazy",
  reason: "tracking_too_thin",
  retryable: false,
};
const CANCELLED: ErrorData = { name: "Cancelled", message: "the job, or a group above this run, ended before it", reason: "cancelled" };

async function cancelled(context: Context, attempt: Attempt): Promise<Commit> {
  const gate = await readGate(context, attempt.run.gid);
  const revoked = gate.kind !== "gone" && (await isRevoked(context, gate.header, attempt.run));
  return ended(context, attempt, "cancelled", { error: revoked ? REVOKED : CANCELLED });
}
async function ended(
  context: Context,
  attempt: Attempt,
  status: TerminalStatus,
  part: Partial<RunAttributes>,
  counters?: Readonly<Record<string, number>>,
): Promise<Commit> {
  await attempt.log.keep(context, attempt.run);
  return { set: endOf(context, status, part, counters) };
}
export function endOf(
  context: Context,
  status: TerminalStatus,
  part: Partial<RunAttributes>,
  counters: Readonly<Record<string, number>> | undefined,
): Partial<RunAttributes> {
  const end = { status, endedAt: context.clock.now(), ...part };
  if (counters === undefined || Object.keys(counters).length === 0) return end;
  return { ...end, counts: addCounts(countOf(status), userCounters(counters)) };
}
function userCounters(counters: Readonly<Record<string, number>>): Counts {
  return Object.fromEntries(Object.entries(counters).map(([name, count]) => [name.startsWith("u_") ? name : `u_${name}`, count]));
}

/** Pages of an earlier attempt stand: they are waited for, sealed now if that attempt did not come to it. */
async function waitingForPages(context: Context, attempt: Attempt, open: OpenState, value: Json): Promise<Commit> {
  if (open.sealed) return waiting(context, attempt, open.ownValue ?? null, undefined, open.ownValue === undefined ? "group" : "own", open);
  await sealGroup(context, `${attempt.run.runId}.g`, open.pages);
  return waiting(context, attempt, value, undefined, "own", open);
}

/** A generator that threw. What it put before stands; a later attempt goes on behind it, a final failure ends it. */
async function streamFailed(
  context: Context,
  attempt: Attempt,
  { outcome }: Extract<Streamed, { kind: "failed" }>,
  reason: () => AbortReason | undefined,
): Promise<Commit | "lost"> {
  if (outcome.kind !== "success" && outcome.kind !== "skipped" && outcome.kind !== "stream") return commitOf(context, attempt, outcome, undefined, reason);
  const error = { name: "TypeError", message: "a streaming task yields its work: it cannot spawn or be replaced", reason: "invalid_request", retryable: false };
  return failed(context, attempt, error, undefined);
}

/** The outbox: one fenced write says that the children exist. */
async function waiting(
  context: Context,
  attempt: Attempt,
  value: Json,
  counters: Readonly<Record<string, number>> | undefined,
  takes: Spawned["value"],
  open: unknown,
  manifest?: string,
): Promise<Commit> {
  await attempt.log.keep(context, attempt.run);
  const kept = takes === "own" || takes === "extras" ? await valuePart(context, attempt, value, "ownValue") : {};
  const ownCounts = addCounts(countOf("success"), userCounters(counters ?? {}));
  return {
    set: {
      status: "waiting",
      joins: `${attempt.run.runId}.g`,
      ownCounts,
      takes,
      ...kept,
      ...(manifest === undefined ? {} : { manifest }),
      ...(open ? { openGroup: true } : {}),
    },
  };
}

/** Retries while the policy allows; `delaySeconds` is the task's own wish. */
async function failed(context: Context, attempt: Attempt, error: ErrorData, delaySeconds: number | undefined): Promise<Commit> {
  const { run, step, info } = attempt;
  const policy = retryPolicy(step.options?.retry, { base: info.retry });
  const failCount = (run.failCount ?? 0) + 1;
  const kept = await attempt.log.keepError(context, run, error);
  if (error.retryable === false || failCount >= policy.maxAttempts) return ended(context, attempt, "error", { error: kept, failCount });
  await attempt.log.keep(context, run);
  const now = context.clock.now();
  const delay = delaySeconds ?? retryDelaySeconds(policy, failCount, context.ids.random());
  const due = duePart(context, run.runId, now + Math.ceil(delay * 1_000), now);
  return {
    set: { status: "retrying", failCount, error: kept, sentAt: now, ...due },
    remove: NOT_SUSPECT,
    ...("due" in due ? {} : { sendAfterSeconds: delay }),
  };
}

async function valuePart(context: Context, attempt: Attempt, value: Json, as: "value" | "ownValue"): Promise<Partial<RunAttributes>> {
  const { run, step, info } = attempt;
  if (step.options?.ignoreResult ?? info.ignoreResult) return {};
  // Without a claim two may be at the same attempt.
  const attemptName = attempt.unclaimed ? attempt.token : run.attempt;
  const kept = await keepValue(context, `${run.jobId}/value/${run.runId}/${run.round}/${attemptName}`, value);
  if ("value" in kept) return { [as]: kept.value };
  return { [`${as}Ref`]: kept.valueRef };
}
