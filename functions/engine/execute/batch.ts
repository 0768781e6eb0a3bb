import type { TaskInfo } from "../../core/task/invocation.ts";
import { andThen } from "../../core/task/maybe-promise.ts";
import { executeAttempt, type Executed } from "../attempt/attempt.ts";
import { commitAttempts, type EndedAttempt } from "../attempt/commit-attempts.ts";
import { LiveAttempt } from "../attempt/held-attempt.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { returnClaims } from "../items/run-claims.ts";
import type { AbortReason, HeldRuns, Hold } from "../worker-loop.ts";
import type { Turn } from "./claim-batch.ts";
import type { Lanes } from "./execute-context.ts";
import { patienceMs } from "./pace.ts";
import type { Report } from "./reports.ts";

/**
 * Runs of one task that are held together, executed one after the other, and committed together.
 *
 *     running -> through (all were executed; those that ended are being committed)
 *        |          ^
 *        v          |
 *       slow -------+   (the batch takes longer than it should)
 *
 * When a batch becomes slow, the runs that have not begun are returned to their queue, and those that have ended are committed at once. So nobody waits behind a slow run
 * for long. Each run leaves the batch with one report; when the last has left, the hold ends.
 */
export class Batch {
  readonly #lanes: Lanes;
  readonly #info: TaskInfo;
  readonly #timeoutSeconds: number;
  readonly #patienceMs: number;
  readonly #deadline: number;
  readonly #held: HeldRuns;
  readonly #hold: Hold;
  /** Indexes of the members that have not been reported. */
  readonly #open: Set<number>;
  #slow = false;
  #through = false;
  #turns: readonly Turn[];
  #next = 0;
  #ended: EndedAttempt[] = [];
  #current: LiveAttempt | undefined;
  /** Why runs that have not begun are to stop, by run id. */
  #aborted: Map<string, AbortReason> | undefined;

  constructor(lanes: Lanes, turns: readonly Turn[]) {
    const { context, loop } = lanes;
    const { member, run, token } = turns[0] as Turn;
    const { step, unclaimed } = member;
    this.#lanes = lanes;
    this.#turns = turns;
    this.#open = new Set(turns.map((turn) => turn.run.index));
    this.#info = context.registry.info(step.task) as TaskInfo;
    this.#timeoutSeconds = Math.min(step.options?.timeout ?? this.#info.timeoutSeconds, loop.limit?.seconds ?? Number.POSITIVE_INFINITY);
    // The last run may have to wait for the others that long.
    this.#patienceMs = turns.length === 1 ? 0 : patienceMs(context.config);
    this.#deadline = Math.min(context.clock.now() + this.#patienceMs + this.#timeoutSeconds * 1_000, loop.limit?.at ?? Number.POSITIVE_INFINITY);
    this.#held = {
      token,
      task: step.task,
      gid: run.gid,
      stepIndex: run.stepIndex,
      members: [...this.#open],
      attempts: turns.map((turn) => turn.run.attempt),
      deadline: this.#deadline,
      ...(unclaimed && { unclaimed }),
    };
    this.#hold = loop.hold(this.#held, (reason, runId) => this.#abort(reason, runId));
  }

  /** Resolves when user code is through. The commits that follow from it are reported later. Throws when the hold was refused; then all claims are returned. */
  async run(): Promise<void> {
    const { clock, pace } = this.#lanes.context;
    if (this.#hold.ready) await this.#hold.ready.catch((error: unknown) => this.#fail(this.#turns, error));
    const start = clock.now();
    if (this.#turns.length > 1) void clock.pause(this.#patienceMs).then(() => this.#becomeSlow());
    let executed = 0;
    while (this.#next < this.#turns.length) {
      const executing = this.#execute(this.#turns[this.#next++] as Turn);
      if (executing) await executing;
      executed++;
      if (this.#next < this.#turns.length && clock.now() - start > this.#patienceMs) this.#becomeSlow();
    }
    this.#through = true;
    pace.note(this.#info.name, clock.now() - start, executed);
    this.#commitEnded();
  }

  /** Executes one run, at once when its task takes no time. A port that fails is the report's, not the lane's. */
  #execute(turn: Turn): Promise<void> | undefined {
    const attempt = this.#begin(turn);
    const fail = (error: unknown): void => this.#lanes.reports.add(this.#fail([turn], error));
    try {
      const executing = andThen(executeAttempt(this.#lanes.context, attempt), (executed) => this.#note(attempt, executed));
      if (executing instanceof Promise) return executing.catch(fail);
    } catch (error) {
      fail(error);
    }
    return undefined;
  }
  #begin({ member: { step, unclaimed }, run, token }: Turn): LiveAttempt {
    const { header } = this.#lanes;
    const timing = { deadline: this.#deadline, timeoutSeconds: this.#timeoutSeconds };
    const attempt = new LiveAttempt({ header, run, step, info: this.#info, token, unclaimed, ...timing });
    const reason = this.#aborted?.get(run.runId);
    if (reason) attempt.abort(reason);
    this.#current = attempt;
    return attempt;
  }
  #note(attempt: LiveAttempt, executed: Executed): void {
    if ("set" in executed) this.#ended.push({ attempt, commit: executed });
    else this.#lanes.reports.add(Promise.resolve(this.#leave([{ ref: attempt.run, outcome: executed }])));
  }
  /** The first reason stays. Without a run id all runs are meant; of one that has ended it means nothing. */
  #abort(reason: AbortReason, runId?: string): void {
    for (const { run } of this.#turns) {
      if (runId !== undefined && runId !== run.runId) continue;
      if (run === this.#current?.run) this.#current.abort(reason);
      else if (!this.#aborted?.has(run.runId)) (this.#aborted ??= new Map()).set(run.runId, reason);
    }
  }

  #becomeSlow(): void {
    if (this.#through) return;
    this.#slow = true;
    const unbegun = this.#turns.slice(this.#next);
    this.#turns = this.#turns.slice(0, this.#next);
    if (unbegun.length > 0) this.#lanes.reports.add(this.#giveBack(unbegun));
    this.#commitEnded();
  }
  async #giveBack(turns: readonly Turn[]): Promise<readonly Report[]> {
    await returnClaims(this.#lanes.context, turns.filter(isClaimed));
    return this.#leave(turns.map(({ run }) => ({ ref: run, outcome: { kind: "later", delaySeconds: 0 } })));
  }
  #commitEnded(): void {
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length > 0) this.#lanes.reports.add(this.#commit(ended));
  }
  async #commit(ended: readonly EndedAttempt[]): Promise<readonly Report[]> {
    try {
      const outcomes = await commitAttempts(this.#lanes.context, ended);
      return this.#leave(ended.map(({ attempt: { run } }, k) => ({ ref: run, outcome: outcomes[k] as MemberOutcome })));
    } catch (error) {
      const runs = new Set(ended.map(({ attempt: { run } }) => run));
      return this.#fail(
        this.#turns.filter(({ run }) => runs.has(run)),
        error,
      );
    }
  }
  async #fail(turns: readonly Turn[], error: unknown): Promise<never> {
    await returnClaims(this.#lanes.context, turns.filter(isClaimed));
    this.#release(turns.map(({ run }) => run.index));
    throw error;
  }
  #leave(reports: readonly Report[]): readonly Report[] {
    this.#release(reports.map(({ ref }) => ref.index));
    return reports;
  }
  /** Ends the hold of all at once, unless one is slow: then nobody keeps the leases of the others for it. */
  #release(members: readonly number[]): void {
    for (const index of members) this.#open.delete(index);
    if (this.#open.size === 0) this.#hold.release();
    else if (this.#slow) {
      const attempts = this.#held.attempts.filter((_, k) => this.#open.has(this.#held.members[k] as number));
      this.#hold.narrow({ ...this.#held, members: this.#held.members.filter((index) => this.#open.has(index)), attempts });
    }
  }
}
const isClaimed = ({ member }: Turn): boolean => !member.unclaimed;
