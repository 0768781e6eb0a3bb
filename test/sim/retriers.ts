import { jobIdOf, ownerOf, scopesOf } from "../../functions/core/plan/run-id.ts";
import { isFailure, isTerminal } from "../../functions/core/plan/run-state.ts";
import type { RetryFilter } from "../../functions/engine/contract.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import { type ClientJob, type Retry, retryJob } from "./clients.ts";
import type { Processes } from "./processes.ts";
import { type Random, seededRandom } from "./random.ts";
import { rowOf } from "./row-of.ts";
import type { Simulation } from "./simulation.ts";
import { TEAMS } from "./team-stamps.ts";

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
  /**
   * Lets clients retry in the storm, in which a job that is retried may be cancelled again. With `hastyRetries` some
   * cancel a job while a worker holds one of its runs, and retry it at once.
   */
  due(step: number): void {
    if (!this.#active) return;
    const now = this.#random.chance(0.02);
    const hasty = this.#sim.world.faults.hastyRetries === true;
    for (const job of this.#sim.jobs)
      if (hasty && now && job.retriesLeft > 0 && !job.cancelAsked && this.#isHeld(job.jobId)) job.cancelAt = step;
      else if ((now || (hasty && job.cancelAnswered && !job.retry)) && this.#wants(job)) {
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
  #isHeld(jobId: string | undefined): boolean {
    const { scheduler, world } = this.#sim;
    return [...world.store.items()].some(
      ({ attributes }) =>
        attributes["status"] === "started" &&
        attributes["jobId"] === jobId &&
        (attributes["leaseUntil"] as number) > scheduler.now,
    );
  }
  #wants(job: ClientJob): boolean {
    if (!this.#active || job.retriesLeft <= 0 || job.settled || job.jobId === undefined) return false;
    if (job.cancelAsked && !job.cancelAnswered) return false;
    if (job.retry !== undefined) return true;
    const root = this.#sim.shape.header(job.jobId);
    if (root?.outcome === undefined || root.outcome === "timeout") return false;
    return root.state === "closed";
  }
  #retry(job: ClientJob): void {
    const jobId = job.jobId as string;
    this.#send(job, jobId, (job.retry ??= this.#newRetry(jobId)));
    // Another client may want another round at the same time.
    if (!this.#sim.oracle.calm && this.#random.chance(0.1)) this.#send(job, jobId, this.#newRetry(jobId));
  }
  #send(job: ClientJob, jobId: string, retry: Retry): void {
    const { filter } = retry;
    const { orders } = this.#sim.shape;
    orders.ask(jobId, retry);
    // Groups may still be cut off, also in the calm. What fits only since then may be missed.
    const fits = this.#sim.oracle.calm && orders.finds(jobId, filter ?? {});
    this.#sim.scheduler.count(filter ? "filtered retries" : "retries");
    this.#processes.background("client", (engine) =>
      retryJob(engine, job, jobId, retry, () => {
        this.#sim.scheduler.count("refused retries");
        if (fits && orders.finds(jobId, filter ?? {}))
          this.#sim.bad("failure-refused", `${jobId}: ${JSON.stringify(filter)}`);
      }),
    );
  }
  #newRetry(jobId: string): Retry {
    const idempotencyKey = `retry ${++this.#keys}`;
    const filter = this.#random.chance(0.5) ? this.#filter(jobId) : undefined;
    return { idempotencyKey, ...(this.#keys % 4 === 0 && { keepDownstream: true }), ...(filter && { filter }) };
  }
  /** Makes a filter of one or two parts that a failed run fits, if the job has one. A part may fit others as well. */
  #filter(jobId: string): RetryFilter | undefined {
    const failed = this.#failed(jobId);
    if (failed.length === 0) return undefined;
    const parts = [0, 1].map(() => this.#part(this.#random.pick(failed)));
    return this.#random.chance(0.6) ? parts[0] : Object.assign({}, ...parts);
  }
  #part(run: Run): RetryFilter {
    const { endedAt = 0, error, runId, status, task } = run;
    switch (this.#random.int(7)) {
      case 0:
        return { tasks: [task ?? "plain"] };
      case 1:
        return { reasons: [error?.reason ?? error?.name ?? ""] };
      case 2:
        return { statuses: [status as "error"] };
      case 3:
        return { stamps: { team: [this.#random.pick(TEAMS)] } };
      case 4:
        return this.#random.chance(0.5) ? { endedAfter: endedAt } : { endedBefore: endedAt + 1 };
      default:
        return { runIds: [this.#random.pick([runId, ...this.#above(run)])] };
    }
  }
  /** Returns the ids of the groups and runs above a run. */
  #above({ gid }: Run): readonly string[] {
    return scopesOf(gid).flatMap((scope) => [
      scope,
      ...(ownerOf(scope) === undefined ? [] : [ownerOf(scope) as string]),
    ]);
  }
  #failed(jobId: string): readonly Run[] {
    const { shape, world } = this.#sim;
    return [...world.store.items()].flatMap((item) => {
      const { table, partition } = item.key;
      if (table !== "tasks" || !partition.startsWith("G#") || jobIdOf(partition.slice(2).split("#")[0] ?? "") !== jobId)
        return [];
      const run = rowOf(item, shape.width);
      return run && isTerminal(run.status) && isFailure(run.status) ? [run] : [];
    });
  }
}
