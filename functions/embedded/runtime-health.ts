import type { Health } from "../api/dependencies.ts";
import type { Supervisor } from "./workers/worker-supervisor.ts";

/** Adds how many runs of each queue hold a lease. */
export function withHeld(queues: Health["queues"], held: ReadonlyMap<string, number>): Health["queues"] {
  return Object.fromEntries(
    Object.entries(queues).map(([name, queue]) => [name, { ...queue, started: held.get(name) ?? 0 }]),
  );
}
export function workersOf({ workers }: Pick<Supervisor, "workers">): NonNullable<Health["workers"]> {
  return {
    total: workers.length,
    ready: workers.filter(({ ready }) => ready).length,
    restarts: workers.reduce((sum, { restarts }) => sum + restarts, 0),
  };
}
