import type { EngineConfig } from "./contract.ts";
import type { GateCache } from "./gate.ts";
import type { PlanStore } from "./plan-store.ts";
import type { Ports } from "./ports.ts";

/** What every use case works with: the ports, the settings, and the two caches of one engine instance. */
export interface Context extends Ports {
  readonly config: EngineConfig;
  readonly plans: PlanStore;
  readonly gates: GateCache;
}

/** Waits for all, then throws the first failure: nothing goes on behind the back of a message that was given up. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
/** Like `all` over a function, at most `limit` at a time. */
export async function eachBounded<T>(items: readonly T[], limit: number, work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      await work(items[index] as T, index);
    }
  };
  await all(Array.from({ length: Math.min(limit, items.length) }, lane));
}
