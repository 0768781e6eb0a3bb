import type { TaskStep } from "../core/plan.ts";
import type { RunRef } from "../core/run-id.ts";
import { isTerminal } from "../core/run-state.ts";
import { type AttemptOutcome, commitAttempts, executeAttempt, giveBack, type HeldAttempt, holdAttempt } from "./attempt.ts";
import { all } from "./concurrently.ts";
import type { Context } from "./context.ts";
import type { WorkerLoop } from "./contract.ts";
import { resumeDeferred } from "./deferred.ts";
import { resumeWaiting } from "./expand.ts";
import { gateOf } from "./gate.ts";
import type { Header, Run } from "./items.ts";
import { batchSize } from "./pace.ts";
import { type Thin, unclaimedRun } from "./thin.ts";
import type { InPlace } from "./work-list.ts";
import { mayBeRevoked, mustNotRun } from "./revoked.ts";
import { type Claiming, claimRuns, type ClaimOutcome, isReady, mustRunAlone } from "./run-writes.ts";

/** `later`: this member's part of the message must come again; `terminal`: its follow-up is due, now and at every redelivery. */
export type Handled =
  | { readonly kind: "done" }
  | { readonly kind: "later"; readonly delaySeconds: number }
  | { readonly kind: "terminal"; readonly run: Run }
  | { readonly kind: "thin"; readonly member: Thin };
export const DONE: Handled = { kind: "done" };

/** A member whose run may start. `run`: as it was read; undefined: there is none, or nobody looked. */
export interface Ready {
  readonly ref: RunRef;
  readonly run: Run | undefined;
  readonly step: TaskStep;
  /** Runs without a claim: see thin.ts. */
  readonly thin: boolean;
}
export interface Lanes {
  readonly context: Context;
  readonly header: Header;
  readonly loop: WorkerLoop;
  /** Told once for each member, and never awaited: what throws is the caller's. */
  readonly settle: (member: Ready, handled: Handled) => void;
}

/**
 * Runs members of one message in lanes. A lane holds one slot, and in it claims a batch, runs it one by one, and commits it: runs that are over in no time share
 * their writes, slow ones are batches of one (pace.ts). The claim of the next batch goes out together with the commit of the one before. Throws after all
 * lanes are through, when a port failed in one; members that were not settled by then are left to the message's next delivery.
 */
export async function runReady(lanes: Lanes, ready: readonly Ready[]): Promise<void> {
  const alone = ready.filter(({ run }) => mustRunAlone(lanes.context, run));
  const queue = alone.length === 0 ? [...ready] : ready.filter((member) => !alone.includes(member));
  const first = queue[0];
  const count = first ? Math.ceil(queue.length / batchSize(lanes.context, first.step.task)) : 0;
  await all([...alone.map((member) => runLane(lanes, [member], true)), ...Array.from({ length: count }, () => runLane(lanes, queue, false))]);
}

/** Runs a step that was created as started, in a slot that is already its own. */
export async function runStarted(lanes: Lanes, { header, run, step, token }: Started): Promise<void> {
  const finishing: Promise<void>[] = [];
  const batch = new Batch(lanes, finishing, NO_TURN);
  batch.hold({ ref: run, run, step, thin: false }, holdAttempt(lanes.context, { header, run, step, token, patienceMs: 0 }, lanes.loop));
  await batch.run();
  await all(finishing);
}
export type Started = Parameters<InPlace["run"]>[0];

async function runLane(lanes: Lanes, queue: Ready[], alone: boolean): Promise<void> {
  const { context, loop } = lanes;
  const finishing: Promise<void>[] = [];
  try {
    while (queue.length > 0) {
      const slot = await loop.slot(alone);
      try {
        const batch = takeBatch(context, queue);
        if (batch.length === 0) continue;
        const leave = batch.length > 1 ? await context.pace.enter(batch.length) : NO_TURN;
        await runBatch(lanes, batch, finishing, leave).finally(leave);
      } finally {
        slot.release();
      }
    }
  } finally {
    await all(finishing);
  }
}

const NO_TURN = (): void => undefined;

/** Of one task, since they are expected to take the same time. */
function takeBatch(context: Context, queue: Ready[]): Ready[] {
  const first = queue[0];
  if (!first) return [];
  const most = batchSize(context, first.step.task);
  let count = 1;
  while (count < most && queue[count]?.step.task === first.step.task && queue[count]?.thin === first.thin) count++;
  return queue.splice(0, count);
}

/** Resolves when user code is through; what follows from it goes on in `finishing`. `leave`: ends its turn (pace.ts). */
async function runBatch(lanes: Lanes, members: readonly Ready[], finishing: Promise<void>[], leave: () => void): Promise<void> {
  const { context, loop, settle } = lanes;
  // The wait for a slot may have been long.
  const gate = await gateOf(context, lanes.header.gid);
  if (gate.kind !== "go") {
    for (const member of members) settle(member, gate.kind === "gone" ? DONE : { kind: "later", delaySeconds: 0 });
    return;
  }
  const wanted: Ready[] = [];
  for (const member of members) {
    if (mayBeRevoked(gate.header) && (await mustNotRun(context, gate.header, member.ref))) settle(member, { kind: "later", delaySeconds: 0 });
    else wanted.push(member);
  }
  if (wanted.length === 0) return;
  const batch = new Batch(lanes, finishing, leave);
  const patienceMs = wanted.length === 1 ? 0 : batch.patienceMs;
  if (wanted[0]?.thin) {
    for (const member of wanted) batch.hold(member, holdThin(lanes, gate.header, member, patienceMs));
    return batch.run();
  }
  for (const { member, claim, token } of await claimAll(context, gate.header, wanted)) {
    if (claim.kind === "refused") finishing.push(quiet(settleRefused(context, claim.run).then((handled) => settle(member, handled))));
    else batch.hold(member, holdAttempt(context, { header: gate.header, run: claim.run, step: member.step, token, patienceMs }, loop));
  }
  await batch.run();
}

function holdThin({ context, loop }: Lanes, header: Header, { ref, step }: Ready, patienceMs: number): HeldAttempt {
  const run = unclaimedRun(context, ref, header, step);
  return holdAttempt(context, { header, run, step, token: context.ids.token(), patienceMs, thin: true }, loop);
}
interface Claimed {
  readonly member: Ready;
  readonly claim: ClaimOutcome;
  readonly token: string;
}
async function claimAll(context: Context, header: Header, members: readonly Ready[]): Promise<readonly Claimed[]> {
  const claimings = members.map(({ ref, run, step }): Claiming => ({ ref, header, token: context.ids.token(), task: step.task, seen: run }));
  const claims = [...(await claimRuns(context, claimings))];
  // A first delivery that met a row which is ready (full tracking, a start time): claim that.
  const again: number[] = [];
  claims.forEach(({ kind, run }, k) => {
    if (kind === "refused" && !claimings[k]?.seen && run && isReady(context, run) && !mustRunAlone(context, run)) again.push(k);
  });
  if (again.length > 0) {
    const second = await claimRuns(
      context,
      again.map((k) => ({ ...(claimings[k] as Claiming), seen: claims[k]?.run })),
    );
    again.forEach((k, n) => (claims[k] = second[n] as ClaimOutcome));
  }
  return members.map((member, k) => ({ member, claim: claims[k] as ClaimOutcome, token: (claimings[k] as Claiming).token }));
}
/** The row was not what it seemed; it is now in hand. A queued one is claimed at the next delivery. */
async function settleRefused(context: Context, run: Run | undefined): Promise<Handled> {
  if (!run) return DONE; // read as existing, now collected
  if (isTerminal(run.status)) return { kind: "terminal", run };
  if (run.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  if (run.status !== "waiting") return { kind: "later", delaySeconds: run.status === "started" ? secondsUntil(context, run.leaseUntil) : 1 };
  await resumeWaiting(context, run);
  return DONE;
}
/** Looks again for what it waits for. The message that is owed at the end of its time may be this one. */
export async function handleDeferred(context: Context, run: Run): Promise<Handled> {
  if ((await resumeDeferred(context, run)) || run.notBefore === undefined || run.due !== undefined) return DONE;
  return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
}

export function secondsUntil(context: Context, at: number | undefined): number {
  return Math.max(1, Math.ceil(((at ?? 0) - context.clock.now()) / 1_000));
}
/** Awaited later, together with others. */
function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

interface Turn {
  readonly member: Ready;
  readonly attempt: HeldAttempt;
}
type Ended = Turn & { readonly commit: Exclude<Awaited<ReturnType<typeof executeAttempt>>, { kind: "later" }> };

/**
 * Claimed runs of one task, executed in turn. When they take longer than they should (what was quick has become slow), those that have not begun are given
 * back and what has ended is committed, so that nobody waits behind a slow run for more than `patienceMs`.
 */
class Batch {
  readonly patienceMs: number;
  readonly #lanes: Lanes;
  readonly #finishing: Promise<void>[];
  readonly #leave: () => void;
  readonly #turns: Turn[] = [];
  #ended: Ended[] = [];
  #over = false;

  constructor(lanes: Lanes, finishing: Promise<void>[], leave: () => void) {
    this.#leave = leave;
    this.#lanes = lanes;
    this.#finishing = finishing;
    this.patienceMs = PATIENCE_BATCHES * lanes.context.config.batchMs;
  }
  hold(member: Ready, attempt: HeldAttempt): void {
    this.#turns.push({ member, attempt });
  }
  async run(): Promise<void> {
    const { context } = this.#lanes;
    const { clock, pace } = context;
    const count = this.#turns.length;
    if (count === 0) return;
    const task = (this.#turns[0] as Turn).attempt.step.task;
    const start = clock.now();
    const late = (): boolean => clock.now() - start > this.patienceMs;
    if (count > 1) void clock.pause(this.patienceMs).then(() => !this.#over && this.#giveUp());
    let executed = 0;
    for (let turn = this.#turns.shift(); turn; turn = this.#turns.shift()) {
      await this.#execute(turn);
      executed++;
      if (this.#turns.length > 0 && late()) this.#giveUp();
    }
    this.#over = true;
    pace.note(task, clock.now() - start, executed);
    this.#commit();
  }

  async #execute({ member, attempt }: Turn): Promise<void> {
    try {
      const result = await executeAttempt(this.#lanes.context, attempt);
      if ("set" in result) this.#ended.push({ member, attempt, commit: result });
      else {
        attempt.release();
        this.#lanes.settle(member, result);
      }
    } catch (error) {
      this.#finishing.push(quiet(this.#fail([{ member, attempt }], error)));
    }
  }
  /** What has not begun goes back; what has ended need not wait for what runs. */
  #giveUp(): void {
    this.#leave();
    const turns = this.#turns.splice(0);
    if (turns.length > 0) this.#finishing.push(quiet(this.#giveBack(turns)));
    this.#commit();
  }
  async #giveBack(turns: readonly Turn[]): Promise<void> {
    await giveBack(this.#lanes.context, claimsOf(turns));
    for (const { member, attempt } of turns) {
      attempt.release();
      this.#lanes.settle(member, { kind: "later", delaySeconds: 0 });
    }
  }
  #commit(): void {
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length > 0) this.#finishing.push(quiet(this.#commitAll(ended)));
  }
  async #commitAll(ended: readonly Ended[]): Promise<void> {
    try {
      const outcomes = await commitAttempts(this.#lanes.context, ended);
      ended.forEach(({ member, attempt }, k) => {
        attempt.release();
        this.#lanes.settle(member, handledAs(outcomes[k] as AttemptOutcome));
      });
    } catch (error) {
      await this.#fail(ended, error);
    }
  }
  async #fail(turns: readonly Turn[], error: unknown): Promise<never> {
    await giveBack(this.#lanes.context, claimsOf(turns));
    for (const { attempt } of turns) attempt.release();
    throw error;
  }
}
function claimsOf(turns: readonly Turn[]): HeldAttempt[] {
  return turns.filter(({ attempt }) => !attempt.thin).map(({ attempt }) => attempt);
}
function handledAs(outcome: AttemptOutcome): Handled {
  return outcome.kind === "ended" ? { kind: "terminal", run: outcome.run } : outcome;
}
/** A batch is made to be over in `batchMs`; what takes so many times as long is slow. */
const PATIENCE_BATCHES = 4;
