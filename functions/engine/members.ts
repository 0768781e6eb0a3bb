import { countOf } from "../core/counts.ts";
import { type GroupStep, isGroupStep, type PlanStep } from "../core/plan.ts";
import { type RunRef } from "../core/run-id.ts";
import { isTerminal } from "../core/run-state.ts";
import { runAttempt } from "./attempt.ts";
import { all } from "./concurrently.ts";
import type { Context } from "./context.ts";
import type { WorkerLoop } from "./contract.ts";
import { resumeDeferred } from "./deferred.ts";
import { resumeWaiting } from "./expand.ts";
import { follow } from "./follow.ts";
import { gateOf } from "./gate.ts";
import type { Header, Run, RunAttributes } from "./items.ts";
import { type EngineMessage, queueOf, sendRuns } from "./messages.ts";
import type { Disposition } from "./ports.ts";
import { endRevoked } from "./revoke.ts";
import { isRevoked } from "./revoked.ts";
import { breakDeadRun, claimRun, endIdleRun, isDue, isLive, isReady, killsAlone, mustRunAlone, noteUnknownTask, waitForGroup } from "./run-writes.ts";
import { readRuns, strandOf } from "./runs.ts";

type MemberMessage = Extract<EngineMessage, { kind: "members" }>;
/** `later`: this member's part of the message must come again; `terminal`: its follow-up is due, now and at every redelivery. */
type Handled = { readonly kind: "done" } | { readonly kind: "later"; readonly delaySeconds: number } | { readonly kind: "terminal"; readonly run: Run };
const DONE: Handled = { kind: "done" };

/**
 * Handles a message of members of one leaf: each is claimed and run with a token of its own, followed up together with those that end at about the
 * same time, and the message is acknowledged only after all that followed. What cannot be handled now goes into a smaller message first.
 */
export async function handleMembers(context: Context, message: MemberMessage, receives: number, loop: WorkerLoop): Promise<Disposition> {
  const refs = [...new Set(message.members)].map((index) => ({ gid: message.gid, index, step: message.step }));
  const gate = await gateOf(context, message.gid);
  if (gate.kind === "gone") return { kind: "done" }; // collected long ago, or never created: nothing to run
  // A first delivery of lazy members expects no rows; the claim finds out. Everything else is looked at first.
  const look = receives > 1 || message.step > 0 || gate.kind === "decided" || gate.header.tracking === "full" || gate.header.pages === true;
  const seen = look ? await readRuns(context, refs) : refs.map(() => undefined);
  const followUp = new FollowUp(context, refs.length);
  const handled = await all(
    refs.map(async (ref, k): Promise<Handled> => {
      try {
        const run = seen[k];
        const result =
          gate.kind === "decided" ? await handleDecided(context, gate.header, run) : await handleMember(context, gate.header, ref, run, look, loop);
        if (result.kind === "terminal") await followUp.add(result.run);
        return result;
      } finally {
        followUp.ended();
      }
    }),
  );
  const left = refs.filter((_, k) => handled[k]?.kind === "later");
  if (left.length === 0) return { kind: "done" };
  const delaySeconds = Math.min(...handled.map((result) => (result.kind === "later" ? result.delaySeconds : Number.POSITIVE_INFINITY)));
  if (left.length === refs.length) return { kind: "later", delaySeconds };
  const { strand } = await strandOf(context, gate.header, { ...(left[0] as RunRef), ...manifestOf(seen.find((run) => run?.manifest !== undefined)) });
  const queue = queueOf(context, strand[message.step] as PlanStep);
  await sendRuns(
    context,
    left.map((ref) => ({ ...ref, queue, delaySeconds })),
    refs.length,
  );
  return { kind: "done" };
}
const manifestOf = (run: Run | undefined): { manifest?: string } => (run?.manifest === undefined ? {} : { manifest: run.manifest });

/** Below a decided group runs read as cancelled: nothing is written for what never ran. */
async function handleDecided(context: Context, header: Header, run: Run | undefined): Promise<Handled> {
  if (run && isTerminal(run.status)) return { kind: "terminal", run };
  if (run?.status === "waiting") await resumeWaiting(context, run);
  if (!header.outcome) await follow(context, [{ kind: "decide", gid: header.gid, round: header.round, outcome: "dropped" }]);
  return run && isLive(context, run) ? { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) } : DONE;
}

/** `looked`: `run` was read, so undefined means that there is no row. */
async function handleMember(context: Context, header: Header, ref: RunRef, run: Run | undefined, looked: boolean, loop: WorkerLoop): Promise<Handled> {
  if (run && isTerminal(run.status)) return { kind: "terminal", run };
  if (header.memberCount !== undefined && ref.index >= header.memberCount) return DONE; // a page that lost the race with the seal
  if (isRevoked(header, ref)) {
    const ended = await endRevoked(context, header, ref, run);
    if (ended) return { kind: "terminal", run: ended };
    return run && run.status !== "waiting" ? { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) } : DONE;
  }
  if (run?.status === "waiting") {
    await resumeWaiting(context, run);
    return DONE;
  }
  if (run?.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  if (!run && looked && !readsAsQueued(header, ref)) return DONE;
  const { strand } = await strandOf(context, header, { ...ref, ...manifestOf(run) });
  const step = strand[ref.step];
  if (!step) return DONE;
  if (isGroupStep(step)) return becomeWaiting(context, header, ref, run, step);
  if (run && (run.status === "queued" || run.status === "retrying") && !isDue(context, run))
    return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
  const ended = await endUnstarted(context, header, ref, run, step);
  if (ended) return ended;
  if (run && isLive(context, run)) return { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) };

  const slot = await loop.slot(mustRunAlone(context, run));
  try {
    // The wait for a slot may have been long.
    const gate = await gateOf(context, header.gid);
    if (gate.kind !== "go") return gate.kind === "gone" ? DONE : { kind: "later", delaySeconds: 0 };
    const token = context.ids.token();
    let claim = await claimRun(context, ref, gate.header, token, step.task, run);
    // A first delivery that met a row which is ready (full tracking, a start time): claim that.
    if (claim.kind === "refused" && !run && claim.run && isReady(context, claim.run) && !mustRunAlone(context, claim.run))
      claim = await claimRun(context, ref, gate.header, token, step.task, claim.run);
    if (claim.kind === "claimed") {
      const outcome = await runAttempt(context, gate.header, claim.run, step, token, loop);
      if (outcome.kind === "ended") return { kind: "terminal", run: outcome.run };
      return outcome.kind === "later" ? { kind: "later", delaySeconds: outcome.delaySeconds } : DONE;
    }
    if (!claim.run) return DONE; // read as existing, now collected
    run = claim.run;
  } finally {
    slot.release();
  }
  // The row was not what it seemed; it is now in hand. A queued one is claimed at the next delivery.
  if (isTerminal(run.status)) return { kind: "terminal", run };
  if (run.status === "waiting") {
    await resumeWaiting(context, run);
    return DONE;
  }
  if (run.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  return { kind: "later", delaySeconds: run.status === "started" ? secondsUntil(context, run.leaseUntil) : 1 };
}

/** Looks again for what it waits for. The message that is owed at the end of its time may be this one. */
async function handleDeferred(context: Context, run: Run): Promise<Handled> {
  if ((await resumeDeferred(context, run)) || run.notBefore === undefined || run.due !== undefined) return DONE;
  return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
}

/** Lazy: an absent row of a first step below the member count reads as queued. */
function readsAsQueued(header: Header, ref: RunRef): boolean {
  return ref.step === 0 && !header.pages && ref.index < (header.memberCount ?? 0);
}

/** Runs that end without starting: expired ones, ones whose task nobody knows any more, ones that killed their process again and again. */
async function endUnstarted(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
  step: Exclude<PlanStep, GroupStep>,
): Promise<Handled | undefined> {
  const now = context.clock.now();
  const end = async (set: Partial<RunAttributes>): Promise<Handled> => {
    const write = run?.status === "started" ? await breakDeadRun(context, run, set) : await endIdleRun(context, ref, header, run, set);
    if (write.run && isTerminal(write.run.status)) return { kind: "terminal", run: write.run };
    return { kind: "later", delaySeconds: 1 };
  };
  const expiresAt = run?.expiresAt ?? (step.options?.expires === undefined || ref.step > 0 ? undefined : header.createdAt + step.options.expires * 1_000);
  if (expiresAt !== undefined && expiresAt <= now && (!run || run.attempt === 0)) {
    const error = { name: "Expired", message: "the run was not started before it expired", reason: "expired", retryable: false };
    return end({ status: "cancelled", task: step.task, counts: { ...countOf("cancelled"), u_expired: 1 }, endedAt: now, error });
  }
  if (run?.status === "started" && !isLive(context, run) && killsAlone(context, run) >= context.config.maxKillsAlone) {
    const error = {
      name: "TaskKilled",
      message: `the process running this task died ${context.config.maxKillsAlone} times while it ran nothing else`,
      reason: "task_killed",
      retryable: false,
    };
    return end({ status: "broken", killsAlone: killsAlone(context, run), endedAt: now, error });
  }
  const { registry } = context;
  if (registry.info(step.task) && (registry.has?.(step.task) ?? true)) return undefined;
  const since = await noteUnknownTask(context, ref, header, run, step.task);
  const waited = (now - since) / 1_000;
  if (waited < context.config.unknownTaskGraceSeconds) return { kind: "later", delaySeconds: Math.max(5, Math.min(300, waited)) };
  const error = {
    name: "UnknownTask",
    message: `no worker of queue ${queueOf(context, step)} knows the task ${step.task}`,
    reason: "unknown_task",
    retryable: false,
  };
  return end({ status: "broken", task: step.task, endedAt: now, error });
}

async function becomeWaiting(context: Context, header: Header, ref: RunRef, run: Run | undefined, step: GroupStep): Promise<Handled> {
  const write = await waitForGroup(context, ref, header, run, step.wait ? "answer" : step.choose || step.repeat ? "replace" : "group");
  if (!write.run) return DONE;
  if (isTerminal(write.run.status)) return { kind: "terminal", run: write.run };
  if (write.run.status !== "waiting") return { kind: "later", delaySeconds: 1 };
  await resumeWaiting(context, write.run);
  return DONE;
}

function secondsUntil(context: Context, at: number | undefined): number {
  return Math.max(1, Math.ceil(((at ?? 0) - context.clock.now()) / 1_000));
}

/**
 * Follows runs of a message up in as few passes as possible: a pass starts a moment after the first run ended and takes all that ended by then; when no
 * member is left it starts at once.
 */
class FollowUp {
  readonly #context: Context;
  #open: number;
  #ended: Run[] = [];
  #pass: Promise<void> | undefined;
  #hurry: (() => void) | undefined;

  constructor(context: Context, members: number) {
    this.#context = context;
    this.#open = members;
  }
  /** Resolves when all that follows from the run has happened. */
  add(run: Run): Promise<void> {
    this.#ended.push(run);
    this.#pass ??= this.#start();
    if (this.#ended.length >= this.#open) this.#hurry?.();
    return this.#pass;
  }
  /** A member is through: one less to wait for. */
  ended(): void {
    this.#open--;
    if (this.#ended.length >= this.#open) this.#hurry?.();
  }
  async #start(): Promise<void> {
    await Promise.race([
      this.#context.clock.pause(this.#context.config.followDelayMs),
      new Promise<void>((resolve) => {
        this.#hurry = resolve;
      }),
    ]);
    const runs = this.#ended.splice(0);
    this.#pass = undefined;
    this.#hurry = undefined;
    await follow(
      this.#context,
      runs.map((run) => ({ kind: "run" as const, run })),
    );
  }
}
