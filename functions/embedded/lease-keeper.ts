import type { Claim, HeartbeatOutcome } from "../engine/contract.ts";
import { type Log, messageOf, rateLimited } from "./log.ts";

export interface LeaseKeeperOptions {
  readonly heartbeat: (claims: readonly Claim[]) => Promise<readonly HeartbeatOutcome[]>;
  readonly leaseMs: number;
  readonly log: Log;
  /** The holder must abort the run: somebody else has it, it has ended, or a group above it has decided. */
  readonly onLost: (holder: string, lost: readonly LostClaim[]) => void;
}
export interface LostClaim {
  readonly claim: Claim;
  readonly outcome: "lost" | "cancelled";
}
interface Kept {
  readonly claim: Claim;
  readonly holder: string;
  /** When the lease was last known to be fresh. */
  freshAt: number;
  /** The holder was told to abort; it need not be told again, but its lease is kept while it winds up. */
  told: boolean;
}
const BATCH = 500;

/**
 * Keeps the leases of all processes of a runtime: each is renewed when a third of it has passed, all that are due in one batch. Sleeps while nothing
 * is held, and costs nothing for runs shorter than that third.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #report: ReturnType<typeof rateLimited>;
  readonly #kept = new Map<string, Kept>();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#report = rateLimited(options.log, 10_000);
  }
  get size(): number {
    return this.#kept.size;
  }
  held(holder: string, claims: readonly Claim[]): void {
    const freshAt = performance.now();
    for (const claim of claims) this.#kept.set(claim.token, { claim, holder, freshAt, told: false });
    if (claims.length > 0) this.#timer ??= setInterval(() => this.#tick(), this.#options.leaseMs / 12);
  }
  released(tokens: readonly string[]): void {
    for (const token of tokens) this.#kept.delete(token);
  }
  claimsOf(holder: string): Claim[] {
    return [...this.#kept.values()].filter((kept) => kept.holder === holder).map((kept) => kept.claim);
  }
  /** Some run of this holder should have ended by then (milliseconds since the epoch). */
  isOverdue(holder: string, time: number): boolean {
    return this.claimsOf(holder).some((claim) => claim.deadline < time);
  }
  /** The holder is gone; its claims are no longer kept. */
  drop(holder: string): Claim[] {
    const claims = this.claimsOf(holder);
    this.released(claims.map((claim) => claim.token));
    return claims;
  }
  /** Renews what is due. One at a time; who calls meanwhile waits for the one under way. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => (this.#beating = undefined));
    return this.#beating;
  }
  async stop(): Promise<void> {
    this.#kept.clear();
    this.#rest();
    await this.#beating;
  }

  /** The timer outlives short gaps between runs, and ends with the first tick that finds nothing. */
  #tick(): void {
    if (this.#kept.size === 0) this.#rest();
    else void this.beat();
  }
  async #beat(): Promise<void> {
    const before = performance.now() - this.#options.leaseMs / 3;
    const due = [...this.#kept.values()].filter((kept) => kept.freshAt <= before);
    for (let from = 0; from < due.length; from += BATCH) await this.#renew(due.slice(from, from + BATCH));
  }
  async #renew(batch: readonly Kept[]): Promise<void> {
    const now = performance.now();
    try {
      const outcomes = await this.#options.heartbeat(batch.map((kept) => kept.claim));
      const lost = new Map<string, LostClaim[]>();
      batch.forEach((kept, k) => {
        const outcome = outcomes[k] ?? "kept";
        kept.freshAt = now;
        // A run that was released meanwhile is over: its row tells a newer story.
        if (outcome === "kept" || kept.told || !this.#kept.has(kept.claim.token)) return;
        kept.told = true;
        lost.set(kept.holder, [...(lost.get(kept.holder) ?? []), { claim: kept.claim, outcome }]);
      });
      for (const [holder, claims] of lost) this.#options.onLost(holder, claims);
    } catch (error) {
      // Not fresh, so due again at the next tick: several tries fit into what is left of the lease.
      this.#report("heartbeat", "warn", "leases could not be renewed", { claims: batch.length, cause: messageOf(error) });
    }
  }
  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
