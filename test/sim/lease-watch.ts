import type { Run } from "../../functions/engine/item-kinds.ts";
import type { Complaints } from "./reference.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";

interface Lease {
  readonly holder: SimProcess;
  readonly until: number;
  /** When the run was claimed. */
  readonly since: number;
}
/**
 * Tracks when leases truly end. No worker may take a run over while its holder, by its own clock, still holds the
 * lease.
 */
export class LeaseWatch {
  readonly #scheduler: Scheduler;
  readonly #complaints: Complaints;
  readonly #leases = new Map<string, Lease>();
  readonly #lapsed = new Map<string, number>();
  readonly #witnessed = new Map<string, number>();

  constructor(scheduler: Scheduler, complaints: Complaints) {
    this.#scheduler = scheduler;
    this.#complaints = complaints;
  }

  /** Returns how many leases of a run expired without a release, before a takeover or the end as broken. */
  lapsed(runId: string): number {
    return this.#lapsed.get(runId) ?? 0;
  }
  /** Returns how many of the expired leases of a run were ended by a supervisor. */
  witnessed(runId: string): number {
    return this.#witnessed.get(runId) ?? 0;
  }

  /** Yields the runs that living processes hold, and when each was claimed. */
  *live(): Iterable<{ readonly runId: string; readonly since: number }> {
    for (const [runId, { holder, until, since }] of this.#leases)
      if (holder.alive && until > this.#scheduler.now) yield { runId, since };
  }

  /** Returns whether a process truly holds a run: it lives, and its lease lasts by its own clock. */
  isHeldBy(process: SimProcess, runId: string): boolean {
    const lease = this.#leases.get(runId);
    return lease?.holder === process && process.alive && lease.until > this.#scheduler.now;
  }
  write(process: SimProcess, before: Run | undefined, after: Run): void {
    if (
      before?.status === "started" &&
      (after.status === "started" ? after.attempt !== before.attempt : after.error?.reason === "task_killed")
    ) {
      this.#lapsed.set(after.runId, this.lapsed(after.runId) + 1);
    }
    if (before?.status === "started" && after.writer !== before.writer && after.writer !== before.leaseOwner) {
      this.#complaints.bad(
        "ended-by-another",
        `${after.runId} attempt ${before.attempt} is held by ${before.leaseOwner}, ${after.writer} ends it`,
      );
    }
    const held = before?.status === "started" ? this.#leases.get(after.runId) : undefined;
    if (held?.holder.alive && held.until > this.#scheduler.now && after.round > (before?.round ?? 0))
      this.#complaints.bad("taken-from-its-holder", `${after.runId} in round ${after.round}`);
    if (after.died !== undefined && after.died !== before?.died)
      this.#witnessed.set(after.runId, this.witnessed(after.runId) + 1);
    if (after.status !== "started") {
      this.#leases.delete(after.runId);
      return;
    }
    const claimed = before?.status !== "started" || before.attempt !== after.attempt;
    if (claimed && before?.status === "started") {
      this.#scheduler.count("takeovers");
      const lease = this.#leases.get(after.runId);
      if (lease?.holder.alive && lease.until > this.#scheduler.now) {
        this.#complaints.bad(
          "two-live-leases",
          `${after.runId} is taken over ${lease.until - this.#scheduler.now} ms before the lease of ${lease.holder.name} ends`,
        );
      }
    }
    if (claimed && after.attempt !== (before?.attempt ?? 0) + 1)
      this.#complaints.bad("attempt-not-raised", after.runId);
    const lease = this.#leases.get(after.runId);
    if (!claimed && after.leaseOwner === undefined && lease?.holder.alive && lease.until > this.#scheduler.now)
      this.#complaints.bad("live-lease-ended", `${after.runId} attempt ${after.attempt} for the sake of a lock`);
    // A supervisor saw the holder die and ended the lease.
    if (!claimed && after.leaseUntil === 0) this.#leases.delete(after.runId);
    else if (claimed || before?.leaseUntil !== after.leaseUntil)
      this.#leases.set(after.runId, {
        holder: process,
        until: (after.leaseUntil ?? 0) - process.skew,
        since: claimed ? this.#scheduler.now : (this.#leases.get(after.runId)?.since ?? this.#scheduler.now),
      });
  }
}
