import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { addCounts, countOf, type Counts } from "../../core/plan/counts.ts";
import { itemCounters } from "../../core/plan/item-counters.ts";
import { isIdentity } from "../../core/plan/run-id.ts";
import type { TerminalStatus } from "../../core/plan/run-state.ts";
import { CONNECTION_RETRY, retryDelaySeconds, retryPolicy } from "../../core/retry-policy.ts";
import type { ErrorData, Spawned, TaskOutcome } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { sealGroup } from "../follow/seal-group.ts";
import { readGate } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import type { Run, RunAttributes } from "../item-kinds.ts";
import { CANCELLED } from "../items/end-reasons.ts";
import { REVOKED } from "../items/revoked-run.ts";
import { NOT_SUSPECT } from "../items/run-claims.ts";
import { childGroup, duePart } from "../items/run-reads.ts";
import { keepMeasured } from "../items/values.ts";
import { refuseShare } from "../plan/compile-child.ts";
import { deferredPart } from "../waits/deferred.ts";
import type { AbortReason } from "../worker-loop.ts";
import { waitForExecution } from "./execution-outcome.ts";
import type { Attempt } from "./live-attempt.ts";
import { writeOutbox } from "./outbox.ts";
import { type Made, type OpenState, type Streamed, streamPages } from "./stream.ts";

/** What the one write of an attempt says. `sendAfterSeconds` is set only when a message of the run is owed. */
export type Commit = {
  readonly set: Partial<RunAttributes>;
  readonly remove?: readonly string[];
  readonly sendAfterSeconds?: number;
};

/** Returns why the attempt was aborted, if it was. The answer may change during every wait. */
type AbortedBy = () => AbortReason | undefined;

/**
 * Returns what the commit of an attempt writes. Everything that the commit points at is written before: a large value,
 * an outbox, pages. Returns `lost` when another attempt holds the run.
 */
export async function commitOf(
  context: Context,
  attempt: Attempt,
  outcome: TaskOutcome,
  open: OpenState | undefined,
  abortedBy: AbortedBy,
): Promise<Commit | "lost"> {
  if (abortedBy() === "cancelled") return prepareCancelled(context, attempt);
  if (attempt.unclaimed && (outcome.kind === "stream" || (outcome.kind === "success" && outcome.spawned)))
    return prepareFailure(context, attempt, TRACKING_TOO_THIN, undefined);
  try {
    switch (outcome.kind) {
      case "success":
        return await prepareSuccess(context, attempt, outcome, open);
      case "skipped":
        // As in a generator, a skip ends the stream of an earlier attempt.
        if (open) return await preparePagesWait(context, attempt, open, outcome.value);
        return await prepareEnd(context, attempt, "skipped", await valuePart(context, attempt, outcome.value, "value"));
      case "stream":
        return await prepareStream(context, attempt, outcome, open, abortedBy);
      case "deferred":
        return await prepareDeferral(context, attempt, outcome);
      case "execution":
        return { set: await waitForExecution(context, attempt, outcome) };
      case "retry":
        return await prepareFailure(context, attempt, outcome.error, outcome.delaySeconds);
      case "failed":
        return (
          (await prepareReconnect(context, attempt, outcome.error)) ??
          (await prepareFailure(context, attempt, outcome.error, undefined))
        );
      case "broken":
        return await prepareEnd(context, attempt, "broken", {
          error: await attempt.log.keepError(context, attempt.run, outcome.error),
          failCount: (attempt.run.failCount ?? 0) + 1,
        });
    }
  } catch (error) {
    // The value or the children were refused (too large, too deep, unknown task). A retry would not help.
    if (!(error instanceof FanfoldError) || error.code === "internal") throw error;
    return prepareFailure(
      context,
      attempt,
      { name: error.name, message: error.message, reason: error.code, retryable: false },
      undefined,
    );
  }
}
const TRACKING_TOO_THIN: ErrorData = {
  name: "TrackingTooThin",
  message:
    "a member of a group that tracks results or only its ledger has no children: give the group, or the task, the tracking lazy",
  reason: "tracking_too_thin",
  retryable: false,
};

async function prepareSuccess(
  context: Context,
  attempt: Attempt,
  outcome: Extract<TaskOutcome, { kind: "success" }>,
  open: OpenState | undefined,
): Promise<Commit> {
  const { value, spawned } = outcome;
  const counters = countersOf(outcome);
  if (open && spawned) return prepareFailure(context, attempt, YIELDS_ITS_WORK, undefined);
  if (open) return preparePagesWait(context, attempt, open, value, counters);
  if (!spawned || spawned.children.length === 0)
    return prepareEnd(context, attempt, "success", await valuePart(context, attempt, value, "value"), counters);
  const manifest = await writeOutbox(context, attempt, spawned);
  return prepareWait(context, attempt, { value, counters, takes: spawned.value, manifest });
}
async function prepareStream(
  context: Context,
  attempt: Attempt,
  outcome: Extract<TaskOutcome, { kind: "stream" }>,
  open: OpenState | undefined,
  abortedBy: AbortedBy,
): Promise<Commit | "lost"> {
  refuseShare(outcome.policy);
  const end = await streamPages(context, attempt, outcome, open, abortedBy);
  if (abortedBy() === "cancelled") return prepareCancelled(context, attempt);
  switch (end.kind) {
    case "lost":
      return "lost";
    case "failed":
      return prepareStreamFailure(context, attempt, end, abortedBy);
    case "yielded":
      return comeBack(context);
    case "sealed":
      return prepareOpenGroupWait(context, attempt, end.made);
  }
}
/** Returns the commit of an attempt whose run goes on later, in another one. It is no failed attempt. */
export function comeBack({ clock }: Context): Commit {
  const now = clock.now();
  return {
    set: { status: "queued", notBefore: now + 1_000, sentAt: now },
    remove: NOT_SUSPECT,
    sendAfterSeconds: 1,
  };
}
async function prepareDeferral(
  context: Context,
  attempt: Attempt,
  { events, runs = [], removes = [] }: Extract<TaskOutcome, { kind: "deferred" }>,
): Promise<Commit> {
  await attempt.log.keep(context, attempt.run);
  if (events.length + runs.length === 0) {
    const removed = new Set([...(attempt.run.removed ?? []), ...removes]);
    return {
      set: { status: "queued", sentAt: context.clock.now(), removed },
      remove: NOT_SUSPECT,
      sendAfterSeconds: 0,
    };
  }
  const set = await deferredPart(context, attempt.run, events, runs);
  // The delay of a message reaches a near timeout. A far one is in the due index.
  const ends = set.notBefore !== undefined && set.due === undefined;
  return {
    set,
    remove: NOT_SUSPECT,
    ...(ends && { sendAfterSeconds: Math.max(0, (set.notBefore - context.clock.now()) / 1_000) }),
  };
}
async function prepareCancelled(context: Context, attempt: Attempt): Promise<Commit> {
  const gate = await readGate(context, attempt.run.gid);
  const revoked = gate.kind !== "gone" && (await isRevoked(context, gate.header, attempt.run));
  return prepareEnd(context, attempt, "cancelled", { error: revoked ? REVOKED : CANCELLED.stoppedAttempt });
}
async function prepareEnd(
  context: Context,
  attempt: Attempt,
  status: TerminalStatus,
  part: Partial<RunAttributes>,
  counters?: Counts,
): Promise<Commit> {
  await attempt.log.keep(context, attempt.run);
  return { set: endOf(context, status, part, counters) };
}
export function endOf(
  context: Context,
  status: TerminalStatus,
  part: Partial<RunAttributes>,
  counters: Counts | undefined,
): Partial<RunAttributes> {
  const end = { status, endedAt: context.clock.now(), ...part };
  return counters === undefined ? end : { ...end, counts: addCounts(countOf(status), counters) };
}
/** Returns what an attempt has counted, under the names of a vector. Undefined when it has counted nothing. */
export function countersOf({
  counters = {},
  items,
}: Pick<Extract<TaskOutcome, { kind: "success" }>, "counters" | "items">): Counts | undefined {
  const names = Object.keys(counters);
  if (names.length === 0 && items === undefined) return undefined;
  const own = Object.fromEntries(names.map((name) => [`u_${name}`, counters[name] as number]));
  return items === undefined ? own : { ...own, ...itemCounters(items) };
}

/** Prepares the wait for pages of an earlier attempt. The group is sealed first, unless that attempt sealed it. */
async function preparePagesWait(
  context: Context,
  attempt: Attempt,
  open: OpenState,
  value: Json,
  counters?: Counts,
): Promise<Commit> {
  if (open.sealed) return prepareOpenGroupWait(context, attempt, open.made);
  await sealGroup(context, childGroup(attempt.run), open.pages);
  return prepareOpenGroupWait(context, attempt, { ...open.made, ownValue: value }, counters);
}
/** Prepares the wait for an open group. A run without a value of its own takes the results of the group. */
async function prepareOpenGroupWait(
  context: Context,
  attempt: Attempt,
  { ownValue, ownItems, handedOn }: Made,
  counters: Counts | undefined = ownItems && itemCounters(ownItems),
): Promise<Commit> {
  const commit = await prepareWait(context, attempt, {
    value: ownValue ?? null,
    counters,
    takes: ownValue === undefined ? "group" : "own",
    openGroup: true,
  });
  return handedOn ? { ...commit, set: { ...commit.set, handedOn } } : commit;
}

/**
 * Prepares the end of a generator that threw. Its pages stay: a retry continues after them, a final failure ends them.
 */
async function prepareStreamFailure(
  context: Context,
  attempt: Attempt,
  { outcome }: Extract<Streamed, { kind: "failed" }>,
  abortedBy: AbortedBy,
): Promise<Commit | "lost"> {
  if (outcome.kind !== "success" && outcome.kind !== "skipped" && outcome.kind !== "stream")
    return commitOf(context, attempt, outcome, undefined, abortedBy);
  return prepareFailure(context, attempt, YIELDS_ITS_WORK, undefined);
}
const YIELDS_ITS_WORK: ErrorData = {
  name: "TypeError",
  message: "a streaming task yields its work: it cannot spawn or be replaced",
  reason: "invalid_request",
  retryable: false,
};

interface Wait {
  readonly value: Json;
  readonly takes: Spawned["value"];
  readonly counters?: Counts | undefined;
  /** Pointer to the outbox. Absent for an open group. */
  readonly manifest?: string;
  readonly openGroup?: true;
}
/** Prepares the one fenced write by which the children exist and the run waits for them. */
async function prepareWait(
  context: Context,
  attempt: Attempt,
  { value, takes, counters, manifest, openGroup }: Wait,
): Promise<Commit> {
  await attempt.log.keep(context, attempt.run);
  const kept = takes === "own" || takes === "extras" ? await valuePart(context, attempt, value, "ownValue") : {};
  const set: Partial<RunAttributes> = {
    status: "waiting",
    joins: childGroup(attempt.run),
    ownCounts: addCounts(countOf("success"), counters),
    takes,
    ...kept,
    ...(manifest !== undefined && { manifest }),
    ...(openGroup && { openGroup }),
  };
  return { set };
}

/** Prepares a retry while the policy allows one, else the end. `delaySeconds` is the delay that the task asked for. */
async function prepareFailure(
  context: Context,
  attempt: Attempt,
  error: ErrorData,
  delaySeconds: number | undefined,
): Promise<Commit> {
  const { run, step, info } = attempt;
  const policy = retryPolicy(step.options?.retry, { base: info.retry });
  const failCount = (run.failCount ?? 0) + 1;
  const kept = await attempt.log.keepError(context, run, error);
  if (error.retryable === false || failCount >= policy.maxAttempts)
    return prepareEnd(context, attempt, "error", { error: kept, failCount });
  await untilCodeEnds(context, attempt);
  const delay = delaySeconds ?? retryDelaySeconds(policy, failCount, context.ids.random());
  return prepareRetry(context, run, { failCount, error: kept }, delay);
}
/**
 * Prepares the retry of an attempt that could not reach the other side. Returns undefined when the attempt fails like
 * any other, because it did reach it, must not be retried, or has used up these retries.
 */
async function prepareReconnect(
  context: Context,
  { run, log }: Attempt,
  error: ErrorData,
): Promise<Commit | undefined> {
  const unreachable = (run.unreachable ?? 0) + 1;
  if (!error.connection || error.retryable === false || unreachable >= CONNECTION_RETRY.maxAttempts) return undefined;
  const kept = await log.keepError(context, run, error);
  const delay = retryDelaySeconds(CONNECTION_RETRY, unreachable, context.ids.random());
  return prepareRetry(context, run, { unreachable, error: kept }, delay);
}
function prepareRetry(context: Context, run: Run, part: Partial<RunAttributes>, delaySeconds: number): Commit {
  const now = context.clock.now();
  const due = duePart(context, run.runId, now + Math.ceil(delaySeconds * 1_000), now);
  return {
    set: { status: "retrying", sentAt: now, ...part, ...due },
    remove: NOT_SUSPECT,
    ...(!("due" in due) && { sendAfterSeconds: delaySeconds }),
  };
}

/**
 * Waits until code that the attempt left behind has ended, so that the retry does not overlap with it. The wait ends with
 * the grace: nobody can end code that ignores its signal, but only the process. The run stays held meanwhile.
 */
export async function untilCodeEnds({ clock, config }: Context, { left, info, commitBy }: Attempt): Promise<void> {
  if (left === undefined || info.mayOverlap) return;
  const graceMs = Math.min(config.overlapGraceSeconds * 1_000, (commitBy ?? Number.POSITIVE_INFINITY) - clock.now());
  if (graceMs > 0) await Promise.race([left.catch(() => undefined), clock.pause(graceMs)]);
}

async function valuePart(
  context: Context,
  attempt: Attempt,
  value: Json,
  as: "value" | "ownValue",
): Promise<Partial<RunAttributes>> {
  const { run, step, info } = attempt;
  if (step.options?.ignoreResult ?? info.ignoreResult) return {};
  // Without a claim two workers may run the same attempt, so the token names the blob.
  const attemptName = attempt.unclaimed ? attempt.token : run.attempt;
  const name = `${run.jobId}/value/${run.runId}/${run.round}/${attemptName}`;
  const { kept, bytes } = await keepMeasured(context, name, value);
  attempt.bytes = bytes;
  if ("value" in kept) return { [as]: kept.value };
  // Those who depend on it compare contents, and not names of blobs.
  const hash = isIdentity(run.gid) && { valueHash: context.ids.hash(JSON.stringify(value)) };
  return { [`${as}Ref`]: kept.valueRef, ...hash };
}
