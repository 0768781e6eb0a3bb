import type { Engine } from "../../functions/engine/contract.ts";
import { asHeader, type Header } from "../../functions/engine/item-kinds.ts";
import { answer, cancelJob, type ClientJob, isUnanswered, leave, newJob, submitJob } from "./clients.ts";
import { Batches } from "./batches.ts";
import { BulkWatch } from "./bulk-watch.ts";
import { Deliveries } from "./deliveries.ts";
import { EventSenders } from "./event-senders.ts";
import { isOpenGroup } from "./group-members.ts";
import { FinalChecks } from "./final-checks.ts";
import { Journal } from "./journal.ts";
import { LeaseWatch } from "./lease-watch.ts";
import { LimitWatch } from "./limit-watch.ts";
import { Oracle } from "./oracle.ts";
import { Pausers } from "./pausers.ts";
import { Processes } from "./processes.ts";
import { type Random, seededRandom } from "./random.ts";
import { Retriers } from "./retriers.ts";
import { Revokers } from "./revokers.ts";
import { Scheduler } from "./scheduler.ts";
import { runWatcher } from "./run-watcher.ts";
import { BULK_REGISTRY, SIM_REGISTRY } from "./script-runner.ts";
import { type Settings, settingsFor } from "./settings.ts";
import { Shape } from "./shape.ts";
import { SimExecutions } from "./sim-executions.ts";
import type { SimWorld } from "./sim-ports.ts";
import { SimQueue } from "./sim-queue.ts";
import { createdHeader, LAG_MS, SimStore } from "./sim-store.ts";
import {
  CALM_ROUNDS,
  CALM_STEPS,
  type SimulationOptions,
  SWEEP_EVERY_MS,
  type Violation,
} from "./simulation-options.ts";
import { isVersioned, Releases } from "./releases.ts";
import { Tiers } from "./tiers.ts";
import { touchSharedRun } from "./shared-run-clients.ts";
import { KINDS, SharedWork } from "./shared-work.ts";
import { SoloWork } from "./solo-work.ts";
import { type JobSpec, Workload } from "./workload.ts";
import { choicesOf } from "./workload-choices.ts";

/**
 * One run of the simulation. In the storm any call may fail, and in the calm all work must end. Afterwards everything
 * has expired.
 */
export class Simulation {
  readonly violations: Violation[] = [];
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly settings: Settings;
  readonly world: SimWorld;
  readonly shape: Shape;
  readonly journal = new Journal();
  readonly leases: LeaseWatch;
  readonly jobs: ClientJob[] = [];
  readonly sweeps: boolean;
  readonly oracle: Oracle;
  readonly #store: SimStore;
  readonly #queue = new SimQueue();
  readonly #specs = new Map<string, JobSpec>();
  readonly #lossRate: number;
  readonly #processes: Processes;
  readonly #senders: EventSenders;
  readonly #revokers: Revokers;
  readonly #retriers: Retriers;
  readonly #batches: Batches;
  readonly pausers: Pausers;
  readonly bulk: BulkWatch;
  readonly #deliveries: Deliveries;
  #sweeping = 0;
  #sweptAt = 0;

  constructor(seed: number, { faults = {}, jobs = 2, trace }: SimulationOptions = {}) {
    this.random = seededRandom(seed);
    this.scheduler = new Scheduler(this.random);
    this.scheduler.trace = trace;
    this.sweeps = faults.sweeper === undefined;
    const settings = (this.settings = settingsFor(this.random, faults));
    this.#lossRate = this.sweeps || faults.loss ? settings.lossRate : 0;
    this.#store = new SimStore(this.random, () => this.scheduler.now, faults.crashes ? 0 : LAG_MS);
    const blobs = new Map<string, Uint8Array>();
    this.shape = new Shape(this.#store, blobs, settings.config.width as number, this.#specs);
    const executions = new SimExecutions(
      { scheduler: this.scheduler, queue: this.#queue, shape: this.shape, faults },
      this,
    );
    const versioned = isVersioned(seed, faults);
    this.world = {
      executions,
      scheduler: this.scheduler,
      store: this.#store,
      queue: this.#queue,
      blobs,
      faults,
      disk: { full: false },
      maxDelaySeconds: this.settings.maxDelaySeconds,
      visibilityMs: settings.visibilityMs,
      maxReceives: settings.maxReceives,
      poisons: () => this.scheduler.faults !== undefined && this.random.chance(settings.poisonRate),
      registry: faults.bulk ? BULK_REGISTRY : SIM_REGISTRY,
      shape: this.shape,
      shared: new SharedWork(seed, this.sweeps, versioned, faults.tiers ?? faults.scheduled),
      releases: new Releases(seed, versioned, KINDS),
      tiers: new Tiers(seed, faults),
      solos: new SoloWork(seed, faults, this.scheduler),
      late: new Set(),
      handling: new Map(),
    };
    this.leases = new LeaseWatch(this.scheduler, this);
    this.bulk = new BulkWatch(this);
    const limits = new LimitWatch(this.scheduler, this.shape, this.leases, this);
    this.oracle = new Oracle(this.world, this.journal, this.leases, this);
    this.#store.watch((write) => {
      const header = createdHeader(write);
      if (header?.step) this.scheduler.count("inlineJobs");
      if (header?.job?.workflow !== undefined) this.#known(header.gid, header.job.workflow, header.deadline ?? 0);
      if (write.after) executions.written(write.after);
      this.oracle.write(write);
      limits.write(write);
    });
    this.#processes = new Processes(this.world, this.settings, this.random, {
      runs: runWatcher(this, limits),
      bad: (kind, detail) => this.oracle.collected || this.bad(kind, detail),
      held: (claim) => this.oracle.held(claim),
      finished: (body) => this.shape.allEnded(body),
    });
    this.#senders = new EventSenders(this, this.#processes);
    this.#revokers = new Revokers(this, this.#processes);
    this.pausers = new Pausers(this, this.#processes);
    this.#retriers = new Retriers(this, this.#processes, seed);
    this.#deliveries = new Deliveries(this, this.#processes);
    this.#batches = new Batches(this, this.#processes, seed);
    this.#addJobs(versioned ? 4 : 1 + this.random.int(jobs), seed);
    this.jobs.push(...this.#batches.jobs());
    this.#retriers.begin(this.jobs);
  }

  bad(kind: string, detail: string): void {
    this.violations.push({ kind, detail });
    this.scheduler.note(() => `VIOLATION ${kind}: ${detail}`);
  }

  async run(): Promise<void> {
    await this.#storm((this.world.releases.active ? 1_500 : 300) + this.random.int(2_500));
    await this.#calm();
    if (this.violations.length === 0) await new FinalChecks(this).run();
    if (this.violations.length === 0) await this.#afterwards();
  }

  #addJobs(count: number, seed: number): void {
    const workload = new Workload(this.random, this.sweeps, choicesOf(seed, this.world));
    for (let k = 0; k < count; k++) this.jobs.push(newJob(`job-${k}`, this.random, () => workload.job()));
  }
  #known(jobId: string, name: string, deadline: number): void {
    const job = this.jobs.find((each) => each.name === name);
    if (!job) return;
    job.jobId = jobId;
    this.#specs.set(jobId, job.spec);
    this.oracle.deadlines.set(jobId, deadline);
  }

  #sweep(): void {
    this.#sweptAt = this.scheduler.now;
    this.#sweeping++;
    this.scheduler.count("sweeps");
    this.#processes.background(
      "sweeper",
      (engine) => engine.sweep(),
      () => this.#sweeping--,
    );
  }
  #client(job: ClientJob): void {
    job.clients++;
    this.#processes.background(
      "client",
      (engine) => submitJob(engine, job, this.random),
      () => leave(job, this.world.faults),
    );
  }
  #cancel(job: ClientJob, jobId: string): void {
    job.cancelAsked = true;
    this.oracle.cancellable.add(jobId);
    const after = (): void => void (job.cancelAnswered ||= this.world.faults.crashes === true);
    this.#processes.background("client", (engine) => cancelJob(engine, job, jobId, this.shape), after);
  }
  async #storm(steps: number): Promise<void> {
    const { random, scheduler } = this;
    scheduler.faults = this.settings.rates;
    for (let n = 0; n < steps && this.violations.length === 0; n++) {
      while (this.#processes.workers.length < this.settings.workers) this.#processes.startWorker(false);
      this.#cancelDue(n);
      this.#revokers.due(n);
      this.#retriers.due(n);
      this.#batches.due();
      const event = this.#chosenEvent(random.next());
      if (event) event();
      else if (!(await scheduler.step())) this.#idle();
      scheduler.now += random.int(20);
    }
    scheduler.faults = undefined;
  }
  /** Returns the event that the dice choose to happen beside calls. Returns undefined when a call continues instead. */
  #chosenEvent(dice: number): (() => void) | undefined {
    const { jumpRate, beatRate } = this.settings;
    const events: [rate: number, event: () => void][] = [
      [0.12, () => this.#deliveries.deliver(false)],
      [0.01, () => this.#deliveries.deliver(true)],
      [this.#lossRate, () => this.#deliveries.lose()],
      [jumpRate, () => (this.scheduler.now += 1_000 + this.random.int(7_000))],
      [this.sweeps && this.#sweeping < 2 ? 0.002 : 0, () => this.#sweep()],
      [this.world.faults.immortal ? 0 : 0.003, () => this.#processes.freeze()],
      [0.003, () => this.#processes.thaw()],
      [beatRate, () => this.random.pick(this.#processes.workers).beat()],
      [this.world.releases.active ? 0.004 : 0.01, () => this.#startClient()],
      [0.004, () => this.#answer()],
      [0.004, () => this.#look()],
      [0.004, () => this.#senders.awaited()],
      [0.0007, () => this.#senders.any()],
      [0.002, () => this.#endExecution()],
      [0.001, () => this.#deliveries.redrive()],
      [this.world.releases.active ? 0.005 : 0, () => this.world.releases.deploy()],
      [this.world.faults.scheduled ? 0.01 : 0, () => touchSharedRun(this, this.#processes)],
      [this.world.faults.pauses ? 0.006 : 0, () => this.pausers.any()],
      ...this.#processes.machineEvents(),
    ];
    let left = dice;
    for (const [rate, event] of events) {
      left -= rate;
      if (left < 0) return event;
    }
    return undefined;
  }
  #cancelDue(step: number): void {
    for (const job of this.jobs) {
      if (job.cancelAt < 0 || step < job.cancelAt || job.jobId === undefined) continue;
      job.cancelAt = -1;
      this.#cancel(job, job.jobId);
    }
  }
  #unanswered(): Header[] {
    return [...this.#store.items()]
      .filter((item) => isUnanswered(item, this.world.faults))
      .map((item) => asHeader(item) as Header);
  }
  #answer(): void {
    const waiting = this.#unanswered();
    if (waiting.length === 0) return;
    const header = this.random.pick(waiting);
    this.scheduler.count("answers");
    this.#processes.background("client", (engine) => answer(engine, header));
  }
  /** Reads the results that a job has so far, as a client does. */
  #look(): void {
    const known = this.jobs.flatMap(({ jobId }) => (jobId === undefined ? [] : [jobId]));
    if (known.length === 0) return;
    const jobId = this.random.pick(known);
    this.#processes.background("looker", async (engine) => {
      const since = this.scheduler.now;
      for await (const entry of engine.results(jobId)) this.oracle.saw(entry, since);
    });
  }
  /**
   * Ends an execution. Without a sweeper the platform must report every end. In the calm, only an awaited execution
   * ends by itself.
   */
  #endExecution(): void {
    this.world.executions.endOne(!this.sweeps || this.random.chance(0.5), this.oracle.calm);
  }
  #startClient(): void {
    const waiting = this.jobs.filter(
      (job) => !job.delivered && (job.clients === 0 || (job.clients === 1 && this.random.chance(0.1))),
    );
    if (waiting.length > 0) this.#client(this.random.pick(waiting));
  }
  #idle(): void {
    const next = Math.min(
      this.scheduler.nextReadyAt() ?? Number.POSITIVE_INFINITY,
      this.#queue.nextVisibleAt(this.scheduler.now) ?? Number.POSITIVE_INFINITY,
    );
    this.scheduler.now = Number.isFinite(next) ? next : this.scheduler.now + 1_000;
  }
  /** Runs without faults until all work has ended. Frozen processes stay frozen. */
  async #calm(): Promise<void> {
    this.#processes.endStorm();
    this.oracle.calm = true;
    let steps = 0;
    for (let round = 0; round < CALM_ROUNDS && this.violations.length === 0; round++) {
      while (this.#processes.workers.length < 2) this.#processes.startWorker(true);
      for (const job of this.jobs) {
        if (!job.delivered && !this.#processes.active("client")) this.#client(job);
        if (job.cancelAsked && !job.cancelAnswered && job.jobId !== undefined && !this.#processes.active("client"))
          this.#cancel(job, job.jobId);
      }
      if (!this.#processes.active("client")) this.#answer();
      this.#senders.calmly();
      const retrying = [this.pausers.calmly(), this.#retriers.calmly()].includes(true);
      this.#deliveries.calmly();
      this.#endExecution();
      if (this.sweeps && !this.#processes.active("sweeper") && this.scheduler.now - this.#sweptAt >= SWEEP_EVERY_MS)
        this.#sweep();
      await this.scheduler.drain();
      steps += await this.#settle();
      if (steps > CALM_STEPS) return this.bad("livelock", this.scheduler.waiting().slice(0, 10).join("; "));
      if (!retrying && this.#finishedAll()) return;
      if (!this.#pass() && !retrying) return;
    }
    if (this.violations.length === 0)
      this.bad(
        "never-quiet",
        `${this.#queue.messages.length} messages; ${this.scheduler.waiting().slice(0, 10).join("; ")}`,
      );
  }
  /** Performs everything that can happen without time passing. */
  async #settle(): Promise<number> {
    let steps = 0;
    while (this.violations.length === 0 && steps <= CALM_STEPS) {
      const visible =
        this.#queue.visible(this.scheduler.now).length > 0 &&
        this.#processes.workers.some((worker) => worker.handling < 4);
      if (visible && this.random.chance(0.5)) this.#deliveries.deliver(false);
      else if (!(await this.scheduler.step()) && !visible) return steps;
      steps++;
    }
    return steps;
  }
  /** Advances time to the next event, while workers renew their leases. Returns `false` when no event is left. */
  #pass(): boolean {
    for (const worker of this.#processes.workers) worker.beat();
    const next = [
      this.scheduler.nextReadyAt(),
      this.#queue.nextVisibleAt(this.scheduler.now),
      this.sweeps ? Math.max(this.scheduler.now + 1_000, this.#sweptAt + SWEEP_EVERY_MS) : undefined,
    ];
    const at = Math.min(...next.filter((time) => time !== undefined));
    const holding = this.#processes.workers.some((worker) => worker.hasHolds());
    if (!Number.isFinite(at))
      return (
        this.#isOwed() || this.#unanswered().length > 0 || this.#senders.needed() || this.world.executions.someAwaited()
      );
    this.scheduler.now = holding ? Math.min(at, this.scheduler.now + 4_000) : at;
    return true;
  }
  #finishedAll(): boolean {
    return this.#queue.messages.length === 0 && !this.#isOwed() && ![...this.#store.items()].some(isOpenGroup);
  }
  /** Whether a process works, or a client or dead letter has to be served. */
  #isOwed(): boolean {
    return (
      this.scheduler.busy() ||
      this.#deliveries.redrivable() ||
      (this.sweeps && this.world.releases.owed(this.#store) === "the pass has not ended") ||
      (this.sweeps && this.world.tiers.owed(this.#store) !== undefined) ||
      this.bulk.isOwed() ||
      this.jobs.some((job) => !job.delivered || (job.cancelAsked && !job.cancelAnswered))
    );
  }

  /** Brings back old processes and messages after all jobs have expired and were collected. */
  async #afterwards(): Promise<void> {
    this.oracle.collected = true;
    this.#store.collect();
    this.world.blobs.clear();
    // A client that comes back would start a new job. The rule is that workers and sweepers do not bring the old job
    // back.
    this.#processes.kill("client");
    this.#processes.thawAll();
    for (let n = 0; n < 3 && this.#queue.archive.length > 0; n++) {
      const { queue, body } = this.random.pick(this.#queue.archive);
      this.#queue.send({ queue, jobId: "", body }, this.scheduler.now);
    }
    for (let n = 0; n < 3_000 && this.violations.length === 0; n++) {
      while (this.#processes.workers.length < 2) this.#processes.startWorker(true);
      if (await this.scheduler.step()) continue;
      if (
        this.#queue.visible(this.scheduler.now).length === 0 ||
        this.#processes.workers.every((worker) => worker.handling >= 4)
      ) {
        if (this.scheduler.nextReadyAt() === undefined) return;
        this.#idle();
      } else this.#deliveries.deliver(false);
    }
  }
  /** Runs the calm scheduler until `work` is done. */
  async drive<T>(work: (engine: Engine) => Promise<T>): Promise<T | undefined> {
    let done: { value: T } | undefined;
    this.#processes.background("reader", async (engine) => {
      done = { value: await work(engine) };
    });
    for (let n = 0; n < 50_000 && !done && this.violations.length === 0; n++) {
      await this.scheduler.drain();
      if (!done && !(await this.scheduler.step())) {
        await this.scheduler.drain();
        break;
      }
    }
    if (!done && this.violations.length === 0) this.bad("reader-stuck", this.scheduler.waiting().join("; "));
    return done?.value;
  }
}
