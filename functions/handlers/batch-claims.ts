import { LeaseKeeper } from "../embedded/lease-keeper.ts";
import type { Abort, AbortReason, Claim, Hold } from "../engine/contract.ts";
import type { BatchOptions } from "./message-batch.ts";

interface Held {
  readonly claims: readonly Claim[];
  readonly abort: Abort;
  readonly timer: NodeJS.Timeout;
}

/** The runs of one batch: their leases are renewed, and they are aborted when a lease is lost, a group above has decided, or their time is over. */
export class BatchClaims {
  readonly #held = new Set<Held>();
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
        for (const { claim, outcome } of lost) for (const held of this.#held) if (held.claims.includes(claim)) held.abort(outcome, claim);
      },
    });
  }
  /** How many were held so far. */
  get count(): number {
    return this.#count;
  }
  hold(claims: readonly Claim[], abort: Abort): Hold {
    this.#count += claims.length;
    const deadline = claims[0]?.deadline ?? 0;
    const held: Held = { claims, abort, timer: setTimeout(() => abortHeld(held, "deadline"), Math.max(0, deadline - this.#now())) };
    this.#held.add(held);
    this.#keeper.held(HOLDER, claims);
    return {
      ready: undefined,
      release: () => {
        clearTimeout(held.timer);
        if (this.#held.delete(held)) this.#keeper.released(claims.map(({ token }) => token));
      },
    };
  }
  /** Aborts what still runs, and says how many that were. */
  abortAll(): number {
    let count = 0;
    for (const held of this.#held) {
      count += held.claims.length;
      abortHeld(held, "stopped");
    }
    return count;
  }
  async stop(): Promise<void> {
    for (const { timer } of this.#held) clearTimeout(timer);
    await this.#keeper.stop();
  }
}
const HOLDER = "batch";
function abortHeld({ claims, abort }: Held, reason: AbortReason): void {
  for (const claim of claims) abort(reason, claim);
}
