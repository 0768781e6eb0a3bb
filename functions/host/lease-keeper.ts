import { claimsOf, countHeld } from "../engine/execute/heartbeat.ts";
import type { Claim, HeartbeatOutcome, HeldRuns } from "../engine/worker-loop.ts";
import { type Log, messageOf, rateLimited } from "./log.ts";

export interface LeaseKeeperOptions {
  readonly heartbeat: (claims: readonly Claim[]) => Promise<readonly HeartbeatOutcome[]>;
  readonly leaseMs: number;
  readonly log: Log;
  /**
   * Called when a holder must abort runs, because another attempt has the run, the run has ended, or a group above it
   * has decided.
   */
  readonly onLost: (holder: string, lost: readonly LostClaim[]) => void;
}
export interface LostClaim {
  readonly claim: Claim;
  readonly outcome: "lost" | "cancelled";
}
interface TrackedRuns {
  readonly runs: HeldRuns;
  readonly holder: string;
  /** `performance.now()` at which the leases were last known to be fresh. */
  freshAt: number;
  /**
   * Ids of lost runs whose holder was notified. It is notified once, but its runs are renewed until it releases them.
   */
  notified: Set<string> | undefined;
}
/** Claims after which a heartbeat takes no more. */
const BATCH = 500;

/**
 * Keeps the leases of all processes of a runtime. Each lease is renewed when a third of it has passed, together with
 * all others that are due. Runs shorter than that third cost nothing.
 *
 * States: idle (no timer) -> ticking, once runs are tracked -> idle, at the first tick that finds no run.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #report: ReturnType<typeof rateLimited>;
  /** Tracked runs by token. */
  readonly #kept = new Map<string, TrackedRuns>();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#report = rateLimited(options.log, 10_000);
  }
  /** Returns the number of runs that one holder, or all holders together, hold. */
  size(holder?: string): number {
    let size = 0;
    for (const kept of this.#kept.values())
      if (holder === undefined || kept.holder === holder) size += countHeld(kept.runs);
    return size;
  }
  /** Returns the number of runs that all holders together hold, by queue. */
  heldByQueue(): ReadonlyMap<string, number> {
    const held = new Map<string, number>();
    for (const { runs } of this.#kept.values()) held.set(runs.queue, (held.get(runs.queue) ?? 0) + countHeld(runs));
    return held;
  }
  /** Returns the number of batches that are held, each of which has a slot. */
  get batches(): number {
    return this.#kept.size;
  }
  track(holder: string, held: readonly HeldRuns[]): void {
    const now = performance.now();
    for (const runs of held) {
      // A token that is tracked again names fewer of the same runs, so their leases are as fresh as they were.
      const { freshAt, notified } = this.#kept.get(runs.token) ?? { freshAt: now, notified: undefined };
      this.#kept.set(runs.token, { runs, holder, freshAt, notified });
    }
    if (held.length > 0) this.#timer ??= setInterval(() => this.#tick(), this.#options.leaseMs / 12);
  }
  untrack(tokens: readonly string[]): void {
    for (const token of tokens) this.#kept.delete(token);
  }
  /** Returns the tokens of all holders. */
  get tokens(): ReadonlySet<string> {
    return new Set(this.#kept.keys());
  }
  /** Returns the runs of a holder, each hold with its deadline, task and delivery. */
  heldBy(holder: string): readonly HeldRuns[] {
    return [...this.#kept.values()].filter((kept) => kept.holder === holder).map(({ runs }) => runs);
  }
  /** Returns the claims of a holder that has died. Its leases are no longer renewed. */
  dropHolder(holder: string): Claim[] {
    const kept = [...this.#kept.values()].filter((each) => each.holder === holder);
    this.untrack(kept.map(({ runs }) => runs.token));
    return kept.flatMap(({ runs }) => claimsOf(runs));
  }
  /** Renews the leases that are due. Calls during a renewal wait for that renewal. */
  renewDue(): Promise<void> {
    this.#renewing ??= this.#renewAll().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }
  async stop(): Promise<void> {
    this.#kept.clear();
    this.#stopTimer();
    await this.#renewing;
  }

  /** The timer outlives short gaps between runs, so it is not set anew for each run. */
  #tick(): void {
    if (this.#kept.size === 0) this.#stopTimer();
    else void this.renewDue();
  }
  async #renewAll(): Promise<void> {
    const before = performance.now() - this.#options.leaseMs / 3;
    const due = [...this.#kept.values()].filter((kept) => kept.freshAt <= before);
    for (let from = 0; from < due.length;) {
      let to = from;
      for (let size = 0; to < due.length && size < BATCH; to++) size += countHeld((due[to] as TrackedRuns).runs);
      await this.#renew(due.slice(from, to));
      from = to;
    }
  }
  async #renew(batch: readonly TrackedRuns[]): Promise<void> {
    const now = performance.now();
    const claims = batch.flatMap((kept) => claimsOf(kept.runs).map((claim) => ({ kept, claim })));
    try {
      const outcomes = await this.#options.heartbeat(claims.map(({ claim }) => claim));
      const lost = new Map<string, LostClaim[]>();
      claims.forEach(({ kept, claim }, k) => {
        const outcome = outcomes[k] ?? "kept";
        kept.freshAt = now;
        // A run that was released meanwhile has ended, so its row changed for that reason.
        if (outcome === "kept" || kept.notified?.has(claim.runId) || !this.#kept.has(claim.token)) return;
        (kept.notified ??= new Set()).add(claim.runId);
        lost.set(kept.holder, [...(lost.get(kept.holder) ?? []), { claim, outcome }]);
      });
      for (const [holder, each] of lost) this.#options.onLost(holder, each);
    } catch (error) {
      // The leases stay due, so the next tick tries again. Several tries fit into the rest of a lease.
      this.#report("heartbeat", "warn", "leases could not be renewed", {
        claims: claims.length,
        cause: messageOf(error),
      });
    }
  }
  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
