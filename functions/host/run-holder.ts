import { claimsOf } from "../engine/execute/heartbeat.ts";
import type { Abort, AbortReason, Claim, HeartbeatOutcome, HeldRuns, Hold } from "../engine/worker-loop.ts";

/** Who keeps the leases of what this process holds: the parent over a link, or a keeper in the same process. */
export interface LeaseTracker {
  /** Those of a token that is held already take the place of what was told before. */
  track(runs: HeldRuns): void;
  untrack(token: string): void;
  /** Resolves when the keeper has, or will get whatever happens to this process, everything it was told so far; undefined: it has. */
  notified(): Promise<void> | undefined;
}
interface HeldBatch {
  readonly abort: Abort;
  readonly timer: NodeJS.Timeout | undefined;
}
export interface RunHolderOptions {
  readonly keeper: LeaseTracker;
  readonly leaseMs: number;
  readonly heartbeat: (claims: readonly Claim[]) => Promise<readonly HeartbeatOutcome[]>;
}

/** setTimeout counts in 32 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SUSPICION_MS = 2_000;

/**
 * The runs that this process executes. User code starts only once the keeper has been told of its claim: from then on it may block this process for
 * as long as it likes, because another process keeps the lease.
 *
 * Claims that were on their way while user code blocked are the exception: they were written, but nobody was told. After a stall every claim is
 * therefore confirmed by one more heartbeat before its user code starts.
 */
export class RunHolder {
  readonly #options: RunHolderOptions;
  readonly #held = new Map<string, HeldBatch>();
  #lookedAt = 0;
  #suspectUntil = 0;

  constructor(options: RunHolderOptions) {
    this.#options = options;
  }
  hold(runs: HeldRuns, abort: Abort): Hold {
    this.noteAlive(false);
    const remaining = runs.deadline - Date.now();
    const timer = remaining > LONGEST_TIMER_MS ? undefined : setTimeout(abort, Math.max(0, remaining), "deadline");
    this.#held.set(runs.token, { abort, timer });
    this.#options.keeper.track(runs);
    return {
      ready: this.#ready(runs, abort),
      narrow: (left) => {
        if (this.#held.has(runs.token)) this.#options.keeper.track(left);
      },
      release: () => this.#release(runs.token),
    };
  }
  /** What the keeper found out. A claim that is not held any more needs no abort. */
  abort(token: string, runId: string, reason: AbortReason): void {
    this.#held.get(token)?.abort(reason, runId);
  }
  /** At the end of a graceful stop. Reads as lost, so nothing is committed for these runs. */
  abortAll(): void {
    for (const { abort } of this.#held.values()) abort("lost");
  }
  /** Called wherever this process shows that it is not blocked; `idle`: nothing was being executed until now, so silence meant nothing. */
  noteAlive(idle: boolean): void {
    const now = performance.now();
    if (!idle && now - this.#lookedAt > this.#options.leaseMs / 3) this.#suspectUntil = now + SUSPICION_MS;
    this.#lookedAt = now;
  }

  #ready(runs: HeldRuns, abort: Abort): Promise<void> | undefined {
    const told = this.#options.keeper.notified();
    return performance.now() < this.#suspectUntil ? Promise.resolve(told).then(() => this.#confirm(runs, abort)) : told;
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
    this.#options.keeper.untrack(token);
  }
}
