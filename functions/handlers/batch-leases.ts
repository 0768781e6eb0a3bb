import { countHeld } from "../engine/execute/heartbeat.ts";
import type { Abort, HeldRuns, Hold } from "../engine/worker-loop.ts";
import { LeaseKeeper } from "../host/lease-keeper.ts";
import type { Engine } from "../engine/contract.ts";
import type { Log } from "../host/log.ts";

export interface LeaseOptions {
  readonly heartbeat: Engine["heartbeat"];
  readonly leaseSeconds: number;
  readonly log: Log;
  /** Returns the engine's time in milliseconds since the epoch. */
  readonly now: () => number;
}
interface HeldBatch {
  readonly abort: Abort;
  readonly timer: NodeJS.Timeout;
}

/**
 * Holds the runs of one batch and renews their leases. Aborts a run when its lease is lost, when a group above it has
 * decided, or when its deadline has passed.
 */
export class BatchLeases {
  readonly #held = new Map<string, HeldBatch>();
  readonly #keeper: LeaseKeeper;
  readonly #now: () => number;
  #count = 0;

  constructor({ heartbeat, leaseSeconds, log, now }: LeaseOptions) {
    this.#now = now;
    this.#keeper = new LeaseKeeper({
      heartbeat,
      leaseMs: leaseSeconds * 1_000,
      log,
      onLost: (_holder, lost) => {
        for (const { claim, outcome } of lost) this.#held.get(claim.token)?.abort(outcome, claim.runId);
      },
    });
  }
  /** Runs that were held so far. */
  get count(): number {
    return this.#count;
  }
  hold(runs: HeldRuns, abort: Abort): Hold {
    this.#count += countHeld(runs);
    const timer = setTimeout(abort, Math.max(0, runs.deadline - this.#now()), "deadline");
    this.#held.set(runs.token, { abort, timer });
    this.#keeper.track(HOLDER, [runs]);
    return {
      ready: undefined,
      narrow: (left) => {
        if (this.#held.has(runs.token)) this.#keeper.track(HOLDER, [left]);
      },
      release: () => {
        clearTimeout(timer);
        this.#held.delete(runs.token);
        this.#keeper.untrack([runs.token]);
      },
    };
  }
  /** Aborts the runs that are still held, and returns their number. */
  abortAll(): number {
    const count = this.#keeper.size();
    for (const { abort } of this.#held.values()) abort("stopped");
    return count;
  }
  async stop(): Promise<void> {
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    await this.#keeper.stop();
  }
}
const HOLDER = "batch";
