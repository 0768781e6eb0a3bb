import type { Turns } from "./concurrently.ts";
import type { EngineConfig } from "./contract.ts";
import type { GateCache } from "./gate.ts";
import type { Pace } from "./pace.ts";
import type { PlanStore } from "./plan-store.ts";
import type { Ports } from "./ports.ts";

/** What every use case works with: the ports, the settings, the two caches of one engine instance, and what it has seen of its speed. */
export interface Context extends Ports {
  readonly config: EngineConfig;
  readonly plans: PlanStore;
  readonly gates: GateCache;
  readonly pace: Pace;
  /** Of those that write rows before anything runs: a few keep the store busy, more would only fill the memory. */
  readonly expanding: Turns;
}
