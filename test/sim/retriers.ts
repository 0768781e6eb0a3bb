import { type ClientJob, retryJob } from "./clients.ts";
import type { Processes } from "./processes.ts";
import { type Random, seededRandom } from "./random.ts";
import type { Simulation } from "./simulation.ts";

/**
 * Clients that retry what failed, in the storm as soon as a job has ended, and in the calm until nothing is left. Their
 * choices are random numbers of their own, so that seeds without retries stay as they are.
 */
export class Retriers {
  readonly #sim: Simulation;
  readonly #processes: Processes;
  readonly #random: Random;
  /** Whether clients of this simulation retry at all. */
  readonly #active: boolean;
  #keys = 0;

  constructor(simulation: Simulation, processes: Processes, seed: number) {
    this.#sim = simulation;
    this.#processes = processes;
    this.#random = seededRandom(seed + 7_000_003);
    this.#active = simulation.sweeps && this.#random.chance(0.4);
  }
  begin(jobs: readonly ClientJob[]): void {
    if (this.#active) for (const job of jobs) job.retriesLeft = this.#random.int(4);
  }
  /** Lets clients retry in the storm, in which a job that is retried may be cancelled again. */
  due(step: number): void {
    if (!this.#active || !this.#random.chance(0.02)) return;
    for (const job of this.#sim.jobs)
      if (this.#wants(job)) {
        this.#retry(job);
        if (this.#random.chance(0.2)) job.cancelNext = step + this.#random.int(400);
      }
  }
  /** Lets every client that wants to retry do so. Returns whether there is one. */
  calmly(): boolean {
    const wanting = this.#sim.jobs.filter((job) => this.#wants(job));
    if (!this.#processes.active("client")) for (const job of wanting) this.#retry(job);
    return wanting.length > 0;
  }
  #wants(job: ClientJob): boolean {
    if (!this.#active || job.retriesLeft <= 0 || job.settled || job.jobId === undefined) return false;
    if (job.cancelAsked && !job.cancelAnswered) return false;
    if (job.retryKey !== undefined) return true;
    const root = this.#sim.shape.header(job.jobId);
    return root?.outcome !== undefined && root.outcome !== "timeout" && root.state === "closed";
  }
  #retry(job: ClientJob): void {
    const idempotencyKey = (job.retryKey ??= `retry ${++this.#keys}`);
    const keepDownstream = this.#keys % 4 === 0;
    this.#sim.scheduler.count("retries");
    this.#processes.background("client", (engine) =>
      retryJob(engine, job, job.jobId as string, { idempotencyKey, ...(keepDownstream && { keepDownstream }) }),
    );
  }
}
