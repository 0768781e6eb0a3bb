import { claimsOf } from "../engine/execute/heartbeat.ts";
import type { Claim, HeartbeatOutcome, HeldRuns } from "../engine/worker-loop.ts";
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
interface TrackedRuns {
  readonly runs: HeldRuns;
  readonly holder: string;
  /** When the leases were last known to be fresh. */
  freshAt: number;
  /** Ids of runs that the holder was told to abort; it need not be told again, but their leases are kept while it winds up. */
  notified: Set<string> | undefined;
}
const BATCH = 500;

/**
 * Keeps the leases of all processes of a runtime: each is renewed when a third of it has passed, all that are due in one batch. Sleeps while nothing
 * is held, and costs nothing for runs shorter than that third.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #report: ReturnType<typeof rateLimited>;
  /** By token. */
  readonly #kept = new Map<string, TrackedRuns>();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#report = rateLimited(options.log, 10_000);
  }
  /** Runs that are held, by one holder or by all. */
  size(holder?: string): number {
    let size = 0;
    for (const kept of this.#kept.values()) if (holder === undefined || kept.holder === holder) size += kept.runs.members.length;
    return size;
  }
  track(holder: string, held: readonly HeldRuns[]): void {
    const now = performance.now();
    for (const runs of held) {
      // Held before: fewer of the same are left.
      const { freshAt, notified: told } = this.#kept.get(runs.token) ?? { freshAt: now, notified: undefined };
      this.#kept.set(runs.token, { runs, holder, freshAt, notified: told });
    }
    if (held.length > 0) this.#timer ??= setInterval(() => this.#tick(), this.#options.leaseMs / 12);
  }
  untrack(tokens: readonly string[]): void {
    for (const token of tokens) this.#kept.delete(token);
  }
  /** Some run of this holder should have ended by then (milliseconds since the epoch). */
  isOverdue(holder: string, time: number): boolean {
    for (const kept of this.#kept.values()) if (kept.holder === holder && kept.runs.deadline < time) return true;
    return false;
  }
  /** The holder is gone; its claims are no longer kept. */
  dropHolder(holder: string): Claim[] {
    const kept = [...this.#kept.values()].filter((each) => each.holder === holder);
    this.untrack(kept.map(({ runs }) => runs.token));
    return kept.flatMap(({ runs }) => claimsOf(runs));
  }
  /** Renews what is due. One at a time; who calls meanwhile waits for the one under way. */
  renewDue(): Promise<void> {
    this.#renewing ??= this.#renewAll().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }
  async stop(): Promise<void> {
    this.#kept.clear();
    this.#stopTimer();
    await this.#renewing;
  }

  /** The timer outlives short gaps between runs, and ends with the first tick that finds nothing. */
  #tick(): void {
    if (this.#kept.size === 0) this.#stopTimer();
    else void this.renewDue();
  }
  async #renewAll(): Promise<void> {
    const before = performance.now() - this.#options.leaseMs / 3;
    const due = [...this.#kept.values()].filter((kept) => kept.freshAt <= before);
    for (let from = 0; from < due.length;) {
      let to = from;
      for (let size = 0; to < due.length && size < BATCH; to++) size += (due[to] as TrackedRuns).runs.members.length;
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
        // A run that was released meanwhile is over: its row tells a newer story.
        if (outcome === "kept" || kept.notified?.has(claim.runId) || !this.#kept.has(claim.token)) return;
        (kept.notified ??= new Set()).add(claim.runId);
        lost.set(kept.holder, [...(lost.get(kept.holder) ?? []), { claim, outcome }]);
      });
      for (const [holder, each] of lost) this.#options.onLost(holder, each);
    } catch (error) {
      // Not fresh, so due again at the next tick: several tries fit into what is left of the lease.
      this.#report("heartbeat", "warn", "leases could not be renewed", { claims: claims.length, cause: messageOf(error) });
    }
  }
  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
