import type { TaskInfo } from "../../core/task/invocation.ts";
import { andThen } from "../../core/task/maybe-promise.ts";
import { executeAttempt, type Executed } from "../attempt/attempt.ts";
import { commitAttempts, type EndedAttempt } from "../attempt/commit-attempts.ts";
import { LiveAttempt } from "../attempt/live-attempt.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { mayBePaused, pausedBy } from "../admission/pauses.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked, mayBeRevoked } from "../groups/revocations.ts";
import { queueOf } from "../plan/step-placement.ts";
import { returnClaims } from "../items/run-claims.ts";
import type { AbortReason, HeldRuns, Hold } from "../worker-loop.ts";
import type { BatchRun } from "./claim-batch.ts";
import type { ExecuteContext, MessageWork } from "./execute-context.ts";
import type { Report } from "./member-reports.ts";
import { slowAfterMs } from "./pace.ts";

/** What a batch shares with others in its slot (solo-batches.ts). `together`: its runs may wait for those of the others. */
interface BatchOptions {
  readonly commit: typeof commitAttempts;
  readonly gateOf: typeof gateOf;
  readonly together: boolean;
}
const ALONE: BatchOptions = { commit: commitAttempts, gateOf, together: false };

/**
 * Runs of one task that are held together, executed one after the other, and committed together.
 *
 *     running -> executed (the user code of all runs has returned; ended runs are being committed)
 *        |          ^
 *        v          |
 *       slow -------+   (the batch has taken longer than `slowAfterMs`)
 *
 * When a batch becomes slow, runs that have not started return to their queue, and ended runs are committed
 * immediately. So no run waits for long behind a slow one. Each run leaves the batch with one report. The hold ends
 * with the last report.
 *
 * Before user code starts, the gate is asked again, at most once in a millisecond. A claim proves nothing by itself: it
 * may have waited, and the group may have decided in the meantime.
 */
export class Batch {
  readonly #work: MessageWork;
  readonly #context: ExecuteContext;
  readonly #info: TaskInfo;
  readonly #timeoutSeconds: number;
  readonly #slowAfterMs: number;
  readonly #deadline: number;
  readonly #held: HeldRuns;
  readonly #hold: Hold;
  /** Indexes of the members that have not been reported. */
  readonly #open: Set<number>;
  #slow = false;
  #executed = false;
  #runs: readonly BatchRun[];
  #next = 0;
  /** Time that the attempts took. */
  #attemptMs = 0;
  #ended: EndedAttempt[] = [];
  #current: LiveAttempt | undefined;
  /** When the gate was last asked. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Runs that must not start because of a pause. */
  #paused: Set<string> | undefined;
  readonly #options: BatchOptions;
  /** Why runs that have not started are aborted, by run id. */
  #aborted: Map<string, AbortReason> | undefined;

  constructor(work: MessageWork, runs: readonly BatchRun[], options: BatchOptions = ALONE) {
    this.#options = options;
    const { context, loop } = work;
    const { member, run, token } = runs[0] as BatchRun;
    const { step, unclaimed } = member;
    this.#work = work;
    this.#context = context.patient;
    this.#runs = runs;
    this.#open = new Set(runs.map((each) => each.run.index));
    this.#info = context.registry.info(step.task) as TaskInfo;
    this.#timeoutSeconds = Math.min(
      step.options?.timeout ?? this.#info.timeoutSeconds,
      loop.limit?.seconds ?? Number.POSITIVE_INFINITY,
    );
    // The last run may wait this long for the others.
    this.#slowAfterMs = runs.length === 1 && !options.together ? 0 : slowAfterMs(context.config);
    this.#deadline = Math.min(
      context.clock.now() + this.#slowAfterMs + this.#timeoutSeconds * 1_000,
      loop.limit?.at ?? Number.POSITIVE_INFINITY,
    );
    this.#held = {
      token,
      task: step.task,
      queue: queueOf(context, step),
      gid: run.gid,
      stepIndex: run.stepIndex,
      members: [...this.#open],
      attempts: runs.map((each) => each.run.attempt),
      deadline: this.#deadline,
      ...(unclaimed && { unclaimed }),
    };
    this.#hold = loop.hold(this.#held, (reason, runId) => this.#abort(reason, runId));
  }

  /**
   * Resolves when the user code of all runs has returned. The commits of the runs are reported later. Throws when the
   * hold was refused; all claims are then returned.
   */
  async run(): Promise<void> {
    const { clock, speeds } = this.#context;
    if (this.#hold.ready) await this.#hold.ready.catch((error: unknown) => this.#fail(this.#runs, error));
    const start = clock.now();
    if (this.#runs.length > 1) void clock.pause(this.#slowAfterMs).then(() => this.#becomeSlow());
    let executed = 0;
    while (this.#next < this.#runs.length) {
      const batchRun = this.#runs[this.#next++] as BatchRun;
      const executing = clock.now() > this.#askedAt ? this.#askAndBegin(batchRun) : this.#begin(batchRun);
      if (executing) await executing;
      if (!this.#paused?.has(batchRun.run.runId)) executed++;
      if (this.#next < this.#runs.length && clock.now() - start > this.#slowAfterMs) this.#becomeSlow();
    }
    this.#executed = true;
    if (executed > 0) speeds.noteBatch(this.#info.name, executed, this.#attemptMs);
    this.#commitEnded();
  }

  async #askAndBegin(batchRun: BatchRun): Promise<void> {
    try {
      await this.#askGate(batchRun);
    } catch (error) {
      this.#work.reports.add(this.#fail([batchRun], error));
      return;
    }
    await this.#begin(batchRun);
  }
  #begin(batchRun: BatchRun): Promise<void> | undefined {
    if (this.#paused?.has(batchRun.run.runId)) {
      this.#work.reports.add(this.#returnUnstarted([batchRun]));
      return undefined;
    }
    const waiting = this.#hold.begin?.();
    return waiting ? waiting.then(() => this.#execute(batchRun)) : this.#execute(batchRun);
  }
  /** Finds the runs that must not start any more or not now: this one, and those behind it. */
  async #askGate(batchRun: BatchRun): Promise<void> {
    const { context, header } = this.#work;
    this.#askedAt = context.clock.now();
    const gate = await this.#options.gateOf(context, header.gid);
    const unstarted = [batchRun, ...this.#runs.slice(this.#next)];
    const over = gate.kind !== "go";
    if (!over && !mayBeRevoked(gate.header) && !(await mayBePaused(context, gate.header))) return;
    for (const { run, member } of unstarted) {
      const revoked = over || (mayBeRevoked(gate.header) && (await isRevoked(context, gate.header, run)));
      if (revoked) this.#abort("cancelled", run.runId);
      else if (await pausedBy(context, gate.header, member.step)) (this.#paused ??= new Set()).add(run.runId);
    }
  }

  /**
   * Executes one run. Returns a promise only when the attempt takes time. When a port fails, the report of this run
   * fails, and the batch continues.
   */
  #execute(batchRun: BatchRun): Promise<void> | undefined {
    const attempt = this.#start(batchRun);
    const startedAt = this.#context.clock.now();
    const fail = (error: unknown): void => this.#work.reports.add(this.#fail([batchRun], error));
    try {
      const executing = andThen(executeAttempt(this.#context, attempt), (executed) =>
        this.#noteExecuted(attempt, startedAt, executed),
      );
      if (executing instanceof Promise) return executing.catch(fail);
    } catch (error) {
      fail(error);
    }
    return undefined;
  }
  #start({ member: { step, unclaimed }, run, token }: BatchRun): LiveAttempt {
    const { header, loop } = this.#work;
    const timing = { deadline: this.#deadline, timeoutSeconds: this.#timeoutSeconds, commitBy: loop.limit?.at };
    const attempt = new LiveAttempt({ header, run, step, info: this.#info, token, unclaimed, ...timing });
    this.#context.statistics.note("run_started", step.task, queueOf(this.#context, step));
    const reason = this.#aborted?.get(run.runId);
    if (reason) attempt.abort(reason);
    this.#current = attempt;
    return attempt;
  }
  #noteExecuted(attempt: LiveAttempt, startedAt: number, executed: Executed): void {
    const ms = this.#context.clock.now() - startedAt;
    this.#attemptMs += ms;
    if ("set" in executed) this.#ended.push({ attempt, commit: executed, ms });
    else this.#work.reports.add(Promise.resolve(this.#report([{ ref: attempt.run, outcome: executed }])));
  }
  /**
   * Aborts one run. Without `runId` it aborts all runs. The first reason stays, and a run that has ended ignores the
   * abort.
   */
  #abort(reason: AbortReason, runId?: string): void {
    for (const { run } of this.#runs) {
      if (runId !== undefined && runId !== run.runId) continue;
      if (run === this.#current?.run) this.#current.abort(reason);
      else if (!this.#aborted?.has(run.runId)) (this.#aborted ??= new Map()).set(run.runId, reason);
    }
  }

  /** Returns the runs that have not started to their queue, since those before them have taken long. */
  giveBack(): void {
    this.#becomeSlow();
  }
  #becomeSlow(): void {
    if (this.#executed) return;
    this.#slow = true;
    const unstarted = this.#runs.slice(this.#next);
    this.#runs = this.#runs.slice(0, this.#next);
    if (unstarted.length > 0) this.#work.reports.add(this.#returnUnstarted(unstarted));
    this.#commitEnded();
  }
  async #returnUnstarted(runs: readonly BatchRun[]): Promise<readonly Report[]> {
    await returnClaims(this.#context, runs.filter(isClaimed));
    return this.#report(runs.map(({ run }) => ({ ref: run, outcome: { kind: "later", delaySeconds: 0 } })));
  }
  #commitEnded(): void {
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length > 0) this.#work.reports.add(this.#commit(ended));
  }
  async #commit(ended: readonly EndedAttempt[]): Promise<readonly Report[]> {
    try {
      const outcomes = await this.#options.commit(this.#context, ended);
      return this.#report(
        ended.map(({ attempt: { run } }, k) => ({ ref: run, outcome: outcomes[k] as MemberOutcome })),
      );
    } catch (error) {
      const failed = new Set(ended.map(({ attempt: { run } }) => run));
      return this.#fail(
        this.#runs.filter(({ run }) => failed.has(run)),
        error,
      );
    }
  }
  async #fail(runs: readonly BatchRun[], error: unknown): Promise<never> {
    await returnClaims(this.#context, runs.filter(isClaimed));
    this.#release(runs.map(({ run }) => run.index));
    throw error;
  }
  #report(reports: readonly Report[]): readonly Report[] {
    this.#release(reports.map(({ ref }) => ref.index));
    return reports;
  }
  /**
   * Ends the hold with the last member. A slow batch narrows its hold before that, so that only the leases of open
   * members are renewed.
   */
  #release(members: readonly number[]): void {
    for (const index of members) this.#open.delete(index);
    if (this.#open.size === 0) this.#hold.release();
    else if (this.#slow) {
      const attempts = this.#held.attempts.filter((_, k) => this.#open.has(this.#held.members[k] as number));
      this.#hold.narrow({
        ...this.#held,
        members: this.#held.members.filter((index) => this.#open.has(index)),
        attempts,
      });
    }
  }
}
const isClaimed = ({ member }: BatchRun): boolean => !member.unclaimed;
