import type { TaskInfo } from "../../core/task/invocation.ts";
import { executeAttempt, type Executed } from "../attempt/attempt.ts";
import { type AttemptOutcome, commitAttempts, giveBack } from "../attempt/commit-attempts.ts";
import { LiveAttempt } from "../attempt/held-attempt.ts";
import type { Commit } from "../attempt/outcome-commit.ts";
import { quiet } from "../concurrently.ts";
import type { Header, Run } from "../item-kinds.ts";
import type { AbortReason, HeldRuns, Hold } from "../worker-loop.ts";
import { patienceMs } from "./pace.ts";
import type { Handled, Lanes, Ready } from "./ready.ts";

export interface Turn {
  readonly member: Ready;
  readonly run: Run;
  readonly token: string;
}
interface Ended {
  readonly member: Ready;
  readonly attempt: LiveAttempt;
  readonly commit: Commit;
}

/**
 * Claimed runs of one task, held together and executed in turn. When they take longer than they should (what was quick has become slow), those that have not begun are
 * given back and what has ended is committed, so that nobody waits behind a slow run for long.
 */
export class Batch {
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
  #current: LiveAttempt | undefined;
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
    this.#held = {
      token,
      task: step.task,
      gid: run.gid,
      stepIndex: run.stepIndex,
      members: [...this.#open],
      attempts,
      deadline,
      ...(thin && { unclaimed: thin }),
    };
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
  #attemptOf({ member: { step, thin }, run, token }: Turn): LiveAttempt {
    const timing = { deadline: this.#deadline, timeoutSeconds: this.#timeoutSeconds };
    const attempt = new LiveAttempt({ header: this.#header, run, step, info: this.#info, token, unclaimed: thin, ...timing });
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
  async #noteLater(turn: Turn, attempt: LiveAttempt, executing: Promise<Executed>): Promise<void> {
    try {
      this.#note(turn, attempt, await executing);
    } catch (error) {
      this.#finishing.push(quiet(this.#fail([turn], error)));
    }
  }
  #note({ member }: Turn, attempt: LiveAttempt, executed: Executed): void {
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
