import type { TaskInfo } from "../core/invocation.ts";
import type { TaskStep } from "../core/plan.ts";
import type { RunRef } from "../core/run-id.ts";
import { isTerminal } from "../core/run-state.ts";
import { executeAttempt, type Executed } from "./attempt/attempt.ts";
import { type AttemptOutcome, commitAttempts, giveBack } from "./attempt/commit-attempts.ts";
import { HeldAttempt } from "./attempt/held-attempt.ts";
import type { Commit } from "./attempt/outcome-commit.ts";
import { unclaimedRun } from "./attempt/unclaimed.ts";
import { all, quiet } from "./concurrently.ts";
import type { Context } from "./context.ts";
import type { ExecuteContext } from "./execute-context.ts";
import { resumeWaiting } from "./follow/resume-waiting.ts";
import type { InPlace } from "./follow/work-list.ts";
import { gateOf } from "./groups/gate.ts";
import { mayBeRevoked, mustNotRun } from "./groups/revocations.ts";
import type { Header, Run } from "./item-kinds.ts";
import type { Thin } from "./items/ledger-parts.ts";
import { type Claiming, type ClaimOutcome, claimRuns, mustRunAlone } from "./items/run-claims.ts";
import { isReady } from "./items/run-conditions.ts";
import { batchSize, isQuick, patienceMs } from "./pace.ts";
import { resumeDeferred } from "./waits/deferred.ts";
import type { AbortReason, HeldRuns, Hold, WorkerLoop } from "./worker-loop.ts";

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
  readonly context: ExecuteContext;
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
  const count = first ? Math.ceil(queue.length / batchSize(lanes.context, first)) : 0;
  await all([...alone.map((member) => runLane(lanes, [member], true)), ...Array.from({ length: count }, () => runLane(lanes, queue, false))]);
}

/** Runs a step that was created as started, in a slot that is already its own. */
export async function runStarted(lanes: Lanes, { header, run, step, token }: Started): Promise<void> {
  const finishing: Promise<void>[] = [];
  await new Batch(lanes, header, [{ member: { ref: run, run, step, thin: false }, run, token }], finishing).run();
  await all(finishing);
}
export type Started = Parameters<InPlace["run"]>[0];

async function runLane(lanes: Lanes, queue: Ready[], alone: boolean): Promise<void> {
  const { context, loop } = lanes;
  const finishing: Promise<void>[] = [];
  try {
    for (let again = false; queue.length > 0; again = true) {
      // Before there is a slot: who waits for a turn needs none, and another job may.
      const batch: Ready[] = [];
      const paced = isPaced(context, queue);
      const leave = paced ? await context.pace.enter(lanes.header.jobId, again, () => batch.push(...takeBatch(context, queue))) : NO_TURN;
      try {
        if (paced && batch.length === 0) continue;
        const slot = await loop.slot(alone);
        try {
          if (!paced) {
            // The wait may have been long: what nobody knew is now known to be quick.
            if (isPaced(context, queue)) continue;
            batch.push(...takeBatch(context, queue));
          }
          await runBatch(lanes, batch, finishing);
        } finally {
          slot.release();
        }
      } finally {
        leave();
      }
    }
  } finally {
    await all(finishing);
  }
}

const NO_TURN = (): void => undefined;
/** Quick, and more than one: claimed in turn (pace.ts). Members without claims had their turn as a whole message. */
function isPaced(context: ExecuteContext, [first, second]: readonly Ready[]): boolean {
  return first !== undefined && second !== undefined && !first.thin && isQuick(context, first);
}

/** Of one task, since they are expected to take the same time, and of one time limit. */
function takeBatch(context: ExecuteContext, queue: Ready[]): Ready[] {
  const first = queue[0];
  if (!first) return [];
  const most = batchSize(context, first);
  const alike = ({ step, thin }: Ready): boolean =>
    step.task === first.step.task && thin === first.thin && step.options?.timeout === first.step.options?.timeout;
  let count = 1;
  while (count < most && count < queue.length && alike(queue[count] as Ready)) count++;
  return queue.splice(0, count);
}

/** Resolves when user code is through; what follows from it goes on in `finishing`. */
async function runBatch(lanes: Lanes, members: readonly Ready[], finishing: Promise<void>[]): Promise<void> {
  const { context, settle } = lanes;
  if (members.length === 0) return;
  // The wait for a slot may have been long.
  const gate = await gateOf(context, lanes.header.gid);
  if (gate.kind !== "go") {
    for (const member of members) settle(member, gate.kind === "gone" ? DONE : { kind: "later", delaySeconds: 0 });
    return;
  }
  const { header } = gate;
  const wanted = mayBeRevoked(header) ? await withoutRevoked(lanes, header, members) : members;
  if (wanted.length === 0) return;
  const turns: Turn[] = [];
  if (wanted[0]?.thin) {
    const token = context.ids.token();
    for (const member of wanted) turns.push({ member, run: unclaimedRun(context, member.ref, header, member.step), token });
  } else {
    for (const { member, claim, token } of await claimAll(context, header, wanted)) {
      if (claim.kind === "claimed") turns.push({ member, run: claim.run, token });
      else finishing.push(quiet(settleRefused(context, claim.run).then((handled) => settle(member, handled))));
    }
  }
  if (turns.length > 0) await new Batch(lanes, header, turns, finishing).run();
}

async function withoutRevoked({ context, settle }: Lanes, header: Header, members: readonly Ready[]): Promise<readonly Ready[]> {
  const wanted: Ready[] = [];
  for (const member of members) {
    if (await mustNotRun(context, header, member.ref)) settle(member, { kind: "later", delaySeconds: 0 });
    else wanted.push(member);
  }
  return wanted;
}
interface Claimed {
  readonly member: Ready;
  readonly claim: ClaimOutcome;
  readonly token: string;
}
async function claimAll(context: Context, header: Header, members: readonly Ready[]): Promise<readonly Claimed[]> {
  // One for all: it tells this claim of a run from every other.
  const token = context.ids.token();
  const claimings = members.map(({ ref, run, step }): Claiming => ({ ref, header, token, task: step.task, seen: run }));
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
  return members.map((member, k) => ({ member, claim: claims[k] as ClaimOutcome, token }));
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

interface Turn {
  readonly member: Ready;
  readonly run: Run;
  readonly token: string;
}
interface Ended {
  readonly member: Ready;
  readonly attempt: HeldAttempt;
  readonly commit: Commit;
}

/**
 * Claimed runs of one task, held together and executed in turn. When they take longer than they should (what was quick has become slow), those that have not begun are
 * given back and what has ended is committed, so that nobody waits behind a slow run for long.
 */
class Batch {
  readonly #lanes: Lanes;
  readonly #header: Header;
  readonly #finishing: Promise<void>[];
  readonly #info: TaskInfo;
  readonly #timeoutSeconds: number;
  readonly #patienceMs: number;
  readonly #deadline: number;
  readonly #held: HeldRuns;
  readonly #hold: Hold;
  /** Members that are not settled. */
  readonly #open: Set<number>;
  #slow = false;
  #turns: readonly Turn[];
  #next = 0;
  #ended: Ended[] = [];
  #over = false;
  #current: HeldAttempt | undefined;
  /** By run id, of those that have not begun. */
  #aborted: Map<string, AbortReason> | undefined;

  constructor(lanes: Lanes, header: Header, turns: readonly Turn[], finishing: Promise<void>[]) {
    const { context, loop } = lanes;
    const { step, thin } = (turns[0] as Turn).member;
    this.#lanes = lanes;
    this.#header = header;
    this.#finishing = finishing;
    this.#turns = turns;
    this.#open = new Set(turns.map(({ member }) => member.ref.index));
    this.#info = context.registry.info(step.task) as TaskInfo;
    this.#timeoutSeconds = Math.min(step.options?.timeout ?? this.#info.timeoutSeconds, loop.limit?.seconds ?? Number.POSITIVE_INFINITY);
    // The last of them may have to wait for its turn that long.
    this.#patienceMs = turns.length === 1 ? 0 : patienceMs(context.config);
    this.#deadline = Math.min(context.clock.now() + this.#patienceMs + this.#timeoutSeconds * 1_000, loop.limit?.at ?? Number.POSITIVE_INFINITY);
    const { run, token } = turns[0] as Turn;
    const attempts = turns.map((turn) => turn.run.attempt);
    const deadline = this.#deadline;
    this.#held = { token, task: step.task, gid: run.gid, step: run.step, members: [...this.#open], attempts, deadline, ...(thin && { thin }) };
    this.#hold = loop.hold(this.#held, (reason, runId) => this.#abort(reason, runId));
  }
  async run(): Promise<void> {
    const { clock, pace } = this.#lanes.context;
    const count = this.#turns.length;
    if (this.#hold.ready) await this.#ready();
    const start = clock.now();
    if (count > 1) void clock.pause(this.#patienceMs).then(() => !this.#over && this.#giveUp());
    let executed = 0;
    while (this.#next < this.#turns.length) {
      const executing = this.#execute(this.#turns[this.#next++] as Turn);
      if (executing) await executing;
      executed++;
      if (this.#next < this.#turns.length && clock.now() - start > this.#patienceMs) this.#giveUp();
    }
    this.#over = true;
    pace.note(this.#info.name, clock.now() - start, executed);
    this.#commit();
  }

  async #ready(): Promise<void> {
    try {
      await this.#hold.ready;
    } catch (error) {
      await this.#fail(this.#turns, error);
    }
  }
  /** The first reason stays. */
  #abort(reason: AbortReason, runId?: string): void {
    for (const { run } of this.#turns) {
      if (runId !== undefined && runId !== run.runId) continue;
      if (run === this.#current?.run) this.#current.abort(reason);
      else if (!this.#aborted?.has(run.runId)) (this.#aborted ??= new Map()).set(run.runId, reason);
    }
  }
  #attemptOf({ member: { step, thin }, run, token }: Turn): HeldAttempt {
    const timing = { deadline: this.#deadline, timeoutSeconds: this.#timeoutSeconds };
    const attempt = new HeldAttempt({ header: this.#header, run, step, info: this.#info, token, thin, ...timing });
    const aborted = this.#aborted?.get(run.runId);
    if (aborted) attempt.abort(aborted);
    this.#current = attempt;
    return attempt;
  }
  #execute(turn: Turn): Promise<void> | undefined {
    const attempt = this.#attemptOf(turn);
    try {
      const executing = executeAttempt(this.#lanes.context, attempt);
      if (executing instanceof Promise) return this.#noteLater(turn, attempt, executing);
      this.#note(turn, attempt, executing);
    } catch (error) {
      this.#finishing.push(quiet(this.#fail([turn], error)));
    }
    return undefined;
  }
  async #noteLater(turn: Turn, attempt: HeldAttempt, executing: Promise<Executed>): Promise<void> {
    try {
      this.#note(turn, attempt, await executing);
    } catch (error) {
      this.#finishing.push(quiet(this.#fail([turn], error)));
    }
  }
  #note({ member }: Turn, attempt: HeldAttempt, executed: Executed): void {
    if ("set" in executed) this.#ended.push({ member, attempt, commit: executed });
    else this.#settle([{ member, handled: executed }]);
  }
  /** What has not begun goes back; what has ended need not wait for what runs. */
  #giveUp(): void {
    this.#slow = true;
    const turns = this.#turns.slice(this.#next);
    this.#turns = this.#turns.slice(0, this.#next);
    if (turns.length > 0) this.#finishing.push(quiet(this.#giveBack(turns)));
    this.#commit();
  }
  async #giveBack(turns: readonly Turn[]): Promise<void> {
    await giveBack(this.#lanes.context, turns.filter(isClaimed));
    this.#settle(turns.map(({ member }) => ({ member, handled: { kind: "later", delaySeconds: 0 } })));
  }
  #commit(): void {
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length > 0) this.#finishing.push(quiet(this.#commitAll(ended)));
  }
  async #commitAll(ended: readonly Ended[]): Promise<void> {
    try {
      const outcomes = await commitAttempts(this.#lanes.context, ended);
      this.#settle(ended.map(({ member }, k) => ({ member, handled: handledAs(outcomes[k] as AttemptOutcome) })));
    } catch (error) {
      await this.#fail(
        ended.map(({ member, attempt: { run, token } }) => ({ member, run, token })),
        error,
      );
    }
  }
  async #fail(turns: readonly Turn[], error: unknown): Promise<never> {
    await giveBack(this.#lanes.context, turns.filter(isClaimed));
    this.#release(turns.map(({ member }) => member));
    throw error;
  }
  #settle(settled: readonly { readonly member: Ready; readonly handled: Handled }[]): void {
    this.#release(settled.map(({ member }) => member));
    for (const { member, handled } of settled) this.#lanes.settle(member, handled);
  }
  /** All at once, unless one of them is slow: then nobody keeps the leases of the others for it. */
  #release(members: readonly Ready[]): void {
    for (const { ref } of members) this.#open.delete(ref.index);
    if (this.#open.size === 0) this.#hold.release();
    else if (this.#slow) {
      const attempts = this.#held.attempts.filter((_, k) => this.#open.has(this.#held.members[k] as number));
      this.#hold.narrow({ ...this.#held, members: this.#held.members.filter((index) => this.#open.has(index)), attempts });
    }
  }
}
const isClaimed = ({ member }: Turn): boolean => !member.thin;
function handledAs(outcome: AttemptOutcome): Handled {
  return outcome.kind === "ended" ? { kind: "terminal", run: outcome.run } : outcome;
}
