import type { LimitWatch } from "./limit-watch.ts";
import type { RunWatcher } from "./script-runner.ts";
import type { Simulation } from "./simulation.ts";

/** Returns what is told of user code in a simulation. */
export function runWatcher(sim: Simulation, limits: LimitWatch): RunWatcher {
  const { oracle, journal, bulk } = sim;
  return {
    started: (...start) => sim.pausers.started(...start),
    collected: oracle.results.bind(oracle),
    ended: journal.end.bind(journal),
    runs: (call, process, runs) => oracle.collected || limits.runs(call, process, runs),
    told: oracle.told.bind(oracle),
    consumed: (...end) => oracle.collected || oracle.identities.dependencies.consumed(...end),
    bulk,
    late: journal.late.bind(journal),
  };
}
