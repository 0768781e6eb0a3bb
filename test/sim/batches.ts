import { FanfoldError } from "../../functions/core/errors.ts";
import type { Engine, SubmitRequest } from "../../functions/engine/contract.ts";
import { PortError } from "../../functions/engine/ports.ts";
import { type ClientJob, leave, newJob, requestOf } from "./clients.ts";
import type { Processes } from "./processes.ts";
import { type Random, seededRandom } from "./random.ts";
import type { Simulation } from "./simulation.ts";
import { type JobSpec, Workload } from "./workload.ts";

type CanvasJob = ClientJob & { readonly spec: Extract<JobSpec, { readonly kind: "canvas" }> };
/** Labels of tasks begin here, so that no other workload has them. */
const FIRST_LABEL = 1_000;

/**
 * Clients that submit several jobs in one call, some of which other clients submit as well. In seeds with solo work
 * (solo-work.ts) these are many jobs of one task, mostly quick. Their choices are random
 * numbers of their own, so that seeds without batches stay as they are.
 */
export class Batches {
  readonly #sim: Simulation;
  readonly #processes: Processes;
  readonly #random: Random;
  readonly #active: boolean;
  readonly #submitted: (readonly CanvasJob[])[] = [];

  constructor(simulation: Simulation, processes: Processes, seed: number) {
    this.#sim = simulation;
    this.#processes = processes;
    this.#random = seededRandom(seed + 11_000_003);
    this.#active = this.#random.chance(0.3) || simulation.world.solos.active;
    if (simulation.world.faults.answersEarly) simulation.world.store.watch(() => this.#answerEarly());
  }
  /** Returns jobs that are there to be submitted together. */
  jobs(): ClientJob[] {
    if (!this.#active) return [];
    const { solos, shared } = this.#sim.world;
    const workload = new Workload(this.#random, this.#sim.sweeps, {
      labels: FIRST_LABEL,
      ...(solos.active && { shared }),
    });
    const newOne = (k: number): ClientJob =>
      newJob(`batched-${k}`, this.#random, () => (solos.active ? workload.soloJob() : workload.canvasJob()));
    return Array.from({ length: solos.active ? 8 + this.#random.int(8) : 3 + this.#random.int(3) }, (_, k) =>
      newOne(k),
    );
  }
  /** Lets a client submit what was not submitted yet, or not answered. With solo work these are several batches. */
  due(): void {
    if (!this.#active || !this.#random.chance(0.05)) return;
    const unsubmitted = this.#sim.jobs.filter(
      (job) => isOfCanvas(job) && !job.delivered && job.clients < 2,
    ) as CanvasJob[];
    // Several batches, so that jobs of the later ones meet a task whose speed the workers have measured.
    const waiting = this.#sim.world.solos.active ? unsubmitted.slice(-4 - this.#random.int(3)) : unsubmitted;
    if (waiting.length < 2) return;
    for (const job of waiting) job.clients++;
    this.#submitted.push(waiting);
    this.#sim.scheduler.count("submittedInBatches");
    this.#processes.background(
      "client",
      (engine) => this.#submit(engine, waiting),
      () => waiting.forEach((job) => leave(job, this.#sim.world.faults)),
    );
  }

  /** Answers a batch as soon as one of its jobs exists. */
  #answerEarly(): void {
    for (const jobs of this.#submitted)
      if (jobs.some(({ jobId }) => jobId !== undefined)) for (const job of jobs) job.delivered = true;
  }
  /** Submits jobs, and one that is refused, until each was answered. Repeats all of them, or what is left. */
  async #submit(engine: Engine, jobs: readonly CanvasJob[]): Promise<void> {
    let left = jobs;
    while (left.length > 0) {
      const outcomes = await engine.submitMany([
        ...left.map(requestOf),
        { ...requestOf(jobs[0] as CanvasJob), ...REFUSED },
      ]);
      const [refused] = outcomes.slice(-1);
      if (!refused || !("error" in refused) || !(refused.error instanceof FanfoldError))
        return this.#sim.bad("batch-answered-wrong", JSON.stringify(refused));
      for (const [k, job] of left.entries()) {
        const outcome = outcomes[k];
        if (outcome && "submitted" in outcome) job.delivered = true;
        else if (!(outcome?.error instanceof PortError)) throw outcome?.error;
      }
      const unanswered = jobs.filter(({ delivered }) => !delivered);
      left = unanswered.length > 0 && this.#random.chance(0.3) ? jobs : unanswered;
    }
  }
}

/** No job lasts that long. */
const REFUSED: Omit<SubmitRequest, "canvas"> = { timeoutSeconds: -1 };
const isOfCanvas = (job: ClientJob): job is CanvasJob => job.spec.kind === "canvas";
