import { isFailure, isSuccess, isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import type { TaskRegistry } from "../../functions/core/task/invocation.ts";
import { type RetryTiers, tierDelaySeconds } from "../../functions/core/tiers.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import type { Faults } from "./faults.ts";
import type { SimStore } from "./sim-store.ts";

const TIERS: RetryTiers = {
  steps: [
    { failures: 2, afterSeconds: 20 },
    { failures: 4, afterSeconds: 60 },
  ],
  broken: true,
};
/** Clocks of processes differ by less. */
const CLOCKS_MS = 5_000;
const HEALED_BY_OTHERS = ["dependency_has_error", "dependency_cycle"];

/**
 * Tiers of shared runs, and what must hold of them. It counts failures in a row by itself: each failed end says how many
 * there were, and when the run begins again; a round begins by a tier only then, and only after the end that was read.
 */
export class Tiers {
  readonly active: boolean;
  /** Shared runs that clients have asked for without a job. The sweeper owes their ends. */
  readonly scheduled = new Set<string>();
  readonly #failed = new Map<string, { times: number; version: number }>();

  constructor(seed: number, { tiers, sweeper }: Faults) {
    this.active = tiers === true || (sweeper === undefined && seed % 16 === 7);
  }
  registryOf(registry: TaskRegistry): TaskRegistry {
    if (!this.active) return registry;
    return {
      ...registry,
      info: (task) => {
        const info = registry.info(task);
        return info && { ...info, tiers: TIERS };
      },
    };
  }
  /** Returns what is wrong with a write on a shared run. */
  written(before: Run | undefined, after: Run, now: number): string | undefined {
    const removed = before?.forgotten === true && isTerminal(before.status) && after.round > before.round;
    if (removed && !["removed", "asked", "declared"].includes(after.why?.of ?? ""))
      return "it begins again after it was removed";
    if (!this.active) return undefined;
    if (before?.forgotten || after.forgotten) this.#failed.delete(after.gid);
    if (after.forgotten && after.round === before?.round) return undefined;
    const begins = before !== undefined && after.round > before.round;
    if (begins && after.why?.of === "tier") return this.#begun(before, now);
    if (isTerminal(after.status) && !(before && isTerminal(before.status) && !begins)) return this.#ended(after);
    return undefined;
  }
  #begun(before: Run, now: number): string | undefined {
    const times = this.#failed.get(before.gid)?.times ?? 0;
    if (!isTerminal(before.status)) return "a tier has begun a round before the one before had ended";
    if (!isFailure(before.status)) return "a tier has begun a round after a good end";
    if (tierDelaySeconds(TIERS, times) === undefined) return `a tier has begun a round after ${times} failures`;
    if (before.notBefore === undefined || before.notBefore > now + CLOCKS_MS)
      return "a tier has begun a round too early";
    return undefined;
  }
  #ended({ gid, status, error, version = 0, verified, failed, notBefore, due }: Run): string | undefined {
    if (isSuccess(status)) this.#failed.delete(gid);
    const retried = status === "error" || (status === "broken" && !HEALED_BY_OTHERS.includes(error?.reason ?? ""));
    if (!retried) return due === undefined ? undefined : `${status} runs again by a tier`;
    const seen = this.#failed.get(gid);
    const before = seen?.version === version ? seen.times : 0;
    const times = verified ? Math.max(1, before) : before + 1;
    this.#failed.set(gid, { times, version });
    if (failed?.times !== times) return `it has failed ${times} times in a row, and says ${failed?.times}`;
    const again = tierDelaySeconds(TIERS, times) !== undefined;
    if (again !== (notBefore !== undefined && due !== undefined))
      return `after ${times} failures it runs again: ${String(!again)}`;
    return undefined;
  }
  /** Returns why not all is done that the sweeper owes to shared runs which nobody waits for. */
  owed(store: SimStore): string | undefined {
    if (!this.active && this.scheduled.size === 0) return undefined;
    for (const { key, attributes } of store.items()) {
      if (!key.partition.startsWith("G#~") || attributes["r_status"] === undefined) continue;
      if (attributes["due"] !== undefined) return `${key.partition} is due`;
      const why = attributes["r_why"] as { readonly of: string } | undefined;
      const scheduled = this.scheduled.has(`${key.partition.slice(2)}.0`) ? "was scheduled" : undefined;
      const owed = why?.of === "tier" ? "has begun a round by a tier" : scheduled;
      if (owed !== undefined && !isTerminal(attributes["r_status"] as RunStatus) && !isWaiting(attributes))
        return `${key.partition} ${owed}, and has not ended`;
    }
    return undefined;
  }
}
/** Its child group is looked after. */
const isWaiting = (attributes: { readonly [name: string]: unknown }): boolean => attributes["r_status"] === "waiting";
