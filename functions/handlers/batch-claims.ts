import { LeaseKeeper } from "../embedded/lease-keeper.ts";
import type { AbortReason, Claim } from "../engine/contract.ts";
import type { BatchOptions } from "./message-batch.ts";

interface Held {
  readonly abort: (reason: AbortReason) => void;
  readonly timer: NodeJS.Timeout;
}

/** The runs of one batch: their leases are renewed, and they are aborted when a lease is lost, a group above has decided, or their time is over. */
export class BatchClaims {
  readonly #held = new Map<string, Held>();
  readonly #keeper: LeaseKeeper;
  readonly #now: () => number;
  #count = 0;

  constructor({ heartbeat, leaseSeconds, log, now }: Pick<BatchOptions, "heartbeat" | "leaseSeconds" | "log" | "now">) {
    this.#now = now;
    this.#keeper = new LeaseKeeper({
      heartbeat,
      leaseMs: leaseSeconds * 1_000,
      log,
      onLost: (_holder, lost) => {
        for (const { claim, outcome } of lost) this.#held.get(claim.token)?.abort(outcome);
      },
    });
  }
  /** How many were held so far. */
  get count(): number {
    return this.#count;
  }
  hold(claim: Claim, abort: (reason: AbortReason) => void): { release(): void } {
    this.#count++;
    const timer = setTimeout(abort, Math.max(0, claim.deadline - this.#now()), "deadline");
    this.#held.set(claim.token, { abort, timer });
    this.#keeper.held(HOLDER, [claim]);
    return {
      release: () => {
        clearTimeout(timer);
        this.#held.delete(claim.token);
        this.#keeper.released([claim.token]);
      },
    };
  }
  /** Aborts what still runs, and says how many that were. */
  abortAll(): number {
    for (const { abort } of this.#held.values()) abort("stopped");
    return this.#held.size;
  }
  async stop(): Promise<void> {
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    await this.#keeper.stop();
  }
}
const HOLDER = "batch";
