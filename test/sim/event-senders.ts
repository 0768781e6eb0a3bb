import { type ClientJob, sendEvent } from "./clients.ts";
import type { Processes } from "./processes.ts";
import type { Simulation } from "./simulation.ts";
import { EVENTS } from "./workload.ts";

/**
 * Clients that send events into jobs. They send at any time, when a deferred run waits for an event, and again after a
 * lost answer.
 */
export class EventSenders {
  readonly #sim: Simulation;
  readonly #processes: Processes;

  constructor(simulation: Simulation, processes: Processes) {
    this.#sim = simulation;
    this.#processes = processes;
  }

  /** Returns whether an event must still be sent. */
  needed(): boolean {
    return this.#unanswered() !== undefined || this.#awaited().length > 0;
  }
  any(): void {
    this.#send(this.#sim.random.pick(this.#sim.jobs), this.#sim.random.pick(EVENTS));
  }
  awaited(): void {
    const awaited = this.#awaited();
    if (awaited.length === 0) return;
    const { jobId, name } = this.#sim.random.pick(awaited);
    const job = this.#sim.jobs.find((each) => each.jobId === jobId);
    if (job) this.#send(job, name);
  }
  /** Sends the events that are still needed, one client at a time. */
  calmly(): void {
    if (!this.#processes.active("client")) this.awaited();
    const again = this.#processes.active("client") ? undefined : this.#unanswered();
    if (again) this.#send(again.job, again.name);
  }

  /** Returns the events that no client has sent, although a run waits for them or is about to. */
  #awaited(): { jobId: string; name: string }[] {
    const { world, shape } = this.#sim;
    return [...world.store.items()].flatMap(({ key, attributes: { status, jobId, unmet, runId } }) => {
      if (key.table !== "tasks") return [];
      const about =
        typeof runId === "string" && key.partition.startsWith("W#") && shape.rowOf(runId)?.status === "started";
      const names = EVENTS.filter((name) =>
        status === "deferred"
          ? (unmet as ReadonlySet<string> | undefined)?.has(`event:${name}`)
          : about && key.partition.endsWith(`#${name}`),
      );
      return names
        .filter((name) => !shape.eventOf(jobId as string, name))
        .map((name) => ({ jobId: jobId as string, name }));
    });
  }
  /** Returns an event whose sender got no answer. Without a sweeper the client must send it again. */
  #unanswered(): { job: ClientJob; name: string } | undefined {
    if (this.#sim.sweeps) return undefined;
    for (const job of this.#sim.jobs) for (const [name, answered] of job.events) if (!answered) return { job, name };
    return undefined;
  }
  #send(job: ClientJob, name: string): void {
    const { jobId } = job;
    if (jobId === undefined) return;
    this.#sim.scheduler.count("events");
    job.events.set(name, job.events.get(name) ?? false);
    this.#processes.background("client", (engine) => sendEvent(engine, job, jobId, name));
  }
}
