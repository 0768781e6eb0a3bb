import { claimsOf } from "../engine/execute/heartbeat.ts";
import type { Abort, AbortReason, Claim, HeartbeatOutcome, HeldRuns, Hold } from "../engine/worker-loop.ts";

/** What a process knows of its own stalls, see watch-thread.ts. */
export interface StallMarks {
  /** Number of stalls so far. */
  readonly stalls: number;
  /** Number of stalls after which the supervisor has done what it does. It may look at a stall when that is over. */
  readonly settledStalls: number;
  begin(token: string): void;
  end(token: string): void;
  /** Resolves when the supervisor has done what it does after all stalls so far. */
  settled(): Promise<void>;
}

/**
 * Keeps the leases of the runs that this process holds. It is the parent over a link, or a keeper in the same process.
 */
export interface LeaseTracker {
  /** Tracks the runs of a token. They replace the runs that were tracked under the same token before. */
  track(runs: HeldRuns): void;
  untrack(token: string): void;
  /**
   * Resolves once every earlier call is certain to reach the keeper, whatever happens to this process.
   * Returns undefined when the keeper has them already.
   */
  notified(): Promise<void> | undefined;
}
interface HeldBatch {
  readonly abort: Abort;
  readonly timer: NodeJS.Timeout | undefined;
  /** Number of stalls after which the claims were known to be held. */
  stalls: number | undefined;
}
export interface RunHolderOptions {
  readonly keeper: LeaseTracker;
  readonly leaseMs: number;
  readonly heartbeat: (claims: readonly Claim[]) => Promise<readonly HeartbeatOutcome[]>;
  /** Milliseconds since the epoch, by the clock that deadlines are set by. Default `Date.now`. */
  readonly now?: () => number;
  /** Set in a process whose supervisor returns what has not begun when the process stalls. */
  readonly marks?: StallMarks;
}

/** setTimeout keeps its delay in a signed 32-bit integer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long after a stall new claims are confirmed. */
const SUSPICION_MS = 2_000;

/**
 * Holds the runs that this process executes. User code starts only after the keeper was notified of its claim. From
 * then on it may block this process for any time, because another process keeps the lease.
 *
 * A claim that was under way while user code blocked the process is the exception. Its row was written, but the keeper
 * was not notified. So after a stall each claim is confirmed by one more heartbeat before its user code starts.
 */
export class RunHolder {
  readonly #options: RunHolderOptions;
  readonly #held = new Map<string, HeldBatch>();
  #aliveAt = 0;
  #suspectUntil = 0;

  constructor(options: RunHolderOptions) {
    this.#options = options;
  }
  hold(runs: HeldRuns, abort: Abort): Hold {
    this.noteAlive(false);
    const remaining = runs.deadline - (this.#options.now ?? Date.now)();
    const timer = remaining > LONGEST_TIMER_MS ? undefined : setTimeout(abort, Math.max(0, remaining), "deadline");
    this.#held.set(runs.token, { abort, timer, stalls: this.#options.marks?.settledStalls });
    this.#options.keeper.track(runs);
    return {
      ready: this.#ready(runs, abort),
      begin: () => this.#begin(runs, abort),
      narrow: (left) => {
        if (this.#held.has(runs.token)) this.#options.keeper.track(left);
      },
      release: () => this.#release(runs.token),
    };
  }
  /**
   * Aborts a run whose claim is lost or cancelled, as the keeper found. A run that is no longer held needs no abort.
   */
  abort(token: string, runId: string, reason: AbortReason): void {
    this.#held.get(token)?.abort(reason, runId);
  }
  /** Aborts all runs, at the end of a graceful stop. Their claims count as lost, so nothing is committed for them. */
  abortAll(): void {
    for (const { abort } of this.#held.values()) abort("lost");
  }
  /**
   * Notes that this process is not blocked. `idle` says that it executed nothing until now, so the time since the last
   * note was no stall.
   */
  noteAlive(idle: boolean): void {
    const now = performance.now();
    if (!idle && now - this.#aliveAt > this.#options.leaseMs / 3) this.#suspectUntil = now + SUSPICION_MS;
    this.#aliveAt = now;
  }

  /** Notes the begin, THEN looks for a stall (watch-thread.ts). After a stall the claims are confirmed. */
  #begin(runs: HeldRuns, abort: Abort): Promise<void> | undefined {
    const { marks } = this.#options;
    const held = this.#held.get(runs.token);
    if (!marks || !held) return undefined;
    marks.begin(runs.token);
    const { stalls } = marks;
    if (stalls === held.stalls) return undefined;
    held.stalls = stalls;
    return marks.settled().then(() => this.#confirm(runs, abort));
  }
  #ready(runs: HeldRuns, abort: Abort): Promise<void> | undefined {
    const notified = this.#options.keeper.notified();
    return performance.now() < this.#suspectUntil
      ? Promise.resolve(notified).then(() => this.#confirm(runs, abort))
      : notified;
  }
  async #confirm(runs: HeldRuns, abort: Abort): Promise<void> {
    const claims = claimsOf(runs);
    const outcomes = await this.#options.heartbeat(claims).catch(() => []);
    for (const [k, { runId }] of claims.entries()) {
      const outcome = outcomes[k] ?? "lost";
      if (outcome !== "kept") abort(outcome, runId);
    }
  }
  #release(token: string): void {
    const held = this.#held.get(token);
    if (!held) return;
    this.#held.delete(token);
    clearTimeout(held.timer);
    this.#options.marks?.end(token);
    this.#options.keeper.untrack(token);
  }
}
