import { runIdOf } from "../../functions/core/plan/run-id.ts";
import { type ClientJob, revokeRun, revokeStamped } from "./clients.ts";
import type { Processes } from "./processes.ts";
import type { Simulation } from "./simulation.ts";
import { TEAMS } from "./team-stamps.ts";

/** Clients that revoke runs of a job, by a stamp or by an id that a client has seen. */
export class Revokers {
  readonly #sim: Simulation;
  readonly #processes: Processes;

  constructor(simulation: Simulation, processes: Processes) {
    this.#sim = simulation;
    this.#processes = processes;
  }
  due(step: number): void {
    for (const job of this.#sim.jobs) {
      if (job.revokeAt < 0 || step < job.revokeAt || job.jobId === undefined) continue;
      job.revokeAt = this.#sim.random.chance(0.3) ? step + this.#sim.random.int(200) : -1;
      this.#revoke(job.jobId);
    }
  }

  #revoke(jobId: NonNullable<ClientJob["jobId"]>): void {
    const { random, scheduler } = this.#sim;
    if (random.chance(0.4)) {
      const team = random.pick(TEAMS);
      scheduler.count("stampRevokes");
      this.#processes.background("client", (engine) => revokeStamped(engine, jobId, team));
      return;
    }
    const runId = this.#someRun(jobId);
    if (runId === undefined) return;
    scheduler.count("revokes");
    this.#processes.background("client", (engine) => revokeRun(engine, runId));
  }
  #someRun(jobId: string): string | undefined {
    const { random, shape, world } = this.#sim;
    const prefix = `G#${jobId}`;
    const rows = [...world.store.items()].filter(
      ({ key }) => key.table === "tasks" && (key.partition === `${prefix}#0` || key.partition.startsWith(`${prefix}.`)),
    );
    if (rows.length === 0) return undefined;
    const { key } = random.pick(rows);
    const cut = key.partition.lastIndexOf("#");
    const [, local, known] = key.sort.split("#");
    // Sometimes this names a step that does not exist yet, or a member without a row.
    const step = Number(known) + (random.chance(0.3) ? 1 : 0);
    const index = Number(key.partition.slice(cut + 1)) * shape.width + Number(local) + (random.chance(0.2) ? 1 : 0);
    return runIdOf(key.partition.slice(2, cut), index, step);
  }
}
