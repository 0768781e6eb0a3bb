import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import { createEngine } from "../../functions/engine/engine.ts";
import { PortError } from "../../functions/engine/ports.ts";
import type { Claim, HolderEnd } from "../../functions/engine/worker-loop.ts";
import type { Random } from "./random.ts";
import type { SimProcess } from "./scheduler.ts";
import { type RunWatcher, ScriptRunner } from "./script-runner.ts";
import type { Settings } from "./settings.ts";
import { simPorts, type SimWorld } from "./sim-ports.ts";
import { SimWorker, type WorkerReports } from "./worker-loop.ts";
import { TASKS } from "./workload.ts";

export interface ProcessReports extends WorkerReports {
  readonly runs: RunWatcher;
}

/**
 * The living processes: workers, and processes for one piece of work (a client's call, a sweep, a supervisor). Each has
 * its own engine.
 */
export class Processes {
  workers: SimWorker[] = [];
  /** Handles messages that were given up, one at a time. */
  #undertaker: SimWorker | undefined;
  readonly #world: SimWorld;
  readonly #settings: Settings;
  readonly #random: Random;
  readonly #reports: ProcessReports;
  readonly #after = new Map<SimProcess, () => void>();
  #all: SimProcess[] = [];
  #without: SimProcess | undefined;
  #names = 0;
  #epoch = 1;
  #powerFails = false;

  constructor(world: SimWorld, settings: Settings, random: Random, reports: ProcessReports) {
    this.#world = world;
    this.#settings = settings;
    this.#random = random;
    this.#reports = reports;
    world.scheduler.onDeath = (process) => this.#died(process);
  }

  /** Starts a worker. In the storm, one worker may lack the right to start executions, so it hands them over. */
  startWorker(calm: boolean): void {
    const { process, engine } = this.#start("w", calm || this.#without?.alive === true || this.#random.chance(0.6));
    // As a supervisor tells it: jobs of this task run together from the first message on.
    engine.noteTaskSpeed(TASKS.plain, true);
    this.workers.push(new SimWorker(this.#world, process, engine, this.#settings.slots, this.#reports));
  }
  /** Returns the process that handles messages which were given up, unless it is busy. */
  undertaker(): SimWorker | undefined {
    if (!this.#undertaker) {
      const { process, engine } = this.#start("d", true);
      const { slots } = this.#settings;
      this.#undertaker = new SimWorker(this.#world, process, engine, slots, this.#reports, "handleDeadLetter");
    }
    return this.#undertaker.handling === 0 && !this.#undertaker.process.frozen ? this.#undertaker : undefined;
  }
  /** Runs work in its own process. `after` also runs when the process dies. */
  background(kind: string, work: (engine: Engine) => Promise<unknown>, after: () => void = () => undefined): void {
    const { process, engine } = this.#start(kind, false);
    this.#after.set(process, after);
    const end = (): void => {
      process.alive = false;
      this.#after.delete(process);
      this.#all = this.#all.filter((each) => each !== process);
      after();
    };
    work(engine).then(end, (error: unknown) => {
      if (!(error instanceof PortError)) this.#reports.bad(`${kind}-threw`, String((error as Error)?.stack ?? error));
      end();
    });
  }
  #start(kind: string, startsExecutions: boolean): { process: SimProcess; engine: Engine } {
    const { machine, skewMs, config, slowness } = this.#settings;
    const { scheduler, faults } = this.#world;
    const skew = machine ? 0 : this.#random.int(2 * skewMs + 1) - skewMs;
    const process: SimProcess = {
      name: `${kind}${++this.#names}`,
      skew,
      weight: this.#random.pick([1, 1, 1, 0.3, 0.05]),
      ...(this.#world.releases.active && { deployed: this.#world.releases.current }),
      alive: true,
      frozen: false,
    };
    this.#all.push(process);
    if (kind === "w" && !startsExecutions) this.#without = process;
    const own: Partial<EngineConfig> = { ...config, ...(machine && { epoch: this.#epoch }), ...faults.config };
    const { shared } = this.#world;
    const settings = { slowness, shared, ...(faults.truthAsOne && { truthAsOne: true }) };
    const runner = new ScriptRunner(scheduler, process, this.#reports.runs, settings);
    return { process, engine: createEngine(simPorts(this.#world, process, runner, startsExecutions), own) };
  }

  #died(process: SimProcess): void {
    this.#all = this.#all.filter((each) => each !== process);
    if (this.#undertaker?.process === process) this.#undertaker = undefined;
    const worker = this.workers.find((each) => each.process === process);
    this.workers = this.workers.filter((each) => each !== worker);
    const after = this.#after.get(process);
    this.#after.delete(process);
    after?.();
    const claims = worker?.claims() ?? [];
    // A supervisor sees most deaths of its workers, but not its own.
    if (
      claims.length === 0 ||
      this.#powerFails ||
      this.#settings.config.killEvidence !== "supervisor" ||
      !this.#random.chance(0.8)
    )
      return;
    this.background("supervisor", (engine) => engine.endHolder({ claims, ...this.#blamed(claims, worker) }));
  }
  /** Returns what a supervisor knows of a death: nothing, the run that occupied the process, or that it was too late. */
  #blamed(claims: readonly Claim[], worker: SimWorker | undefined): Omit<HolderEnd, "claims"> {
    const { now } = this.#world.scheduler;
    const culprit = claims[Math.floor(now) % claims.length] as Claim;
    const culprits = culprit.together ? claims.filter(({ token }) => token === culprit.token) : [culprit];
    if (worker?.isOverdue(culprit, now)) return { culprits, why: "timeout" };
    return now % 3 === 0 ? { why: "died" } : { culprits, why: now % 3 === 1 ? "died" : "blocked" };
  }
  /** Cuts the power: every process on the machine dies, and the next boot begins an epoch. */
  restart(): void {
    this.#world.scheduler.count("restarts");
    this.#epoch++;
    this.#powerFails = true;
    this.kill("");
    this.#powerFails = false;
    const { faults, queue, scheduler } = this.#world;
    if (faults.crashes) queue.releaseAll(scheduler.now);
    if (faults.sweeper === "start") this.background("start", (engine) => engine.sweep({ all: true }));
  }
  /** Events of the whole machine, with their rates per step. */
  machineEvents(): [rate: number, event: () => void][] {
    const { faults, disk } = this.#world;
    if (!faults.crashes) return [[this.#settings.machine ? 0.0008 : 0, () => this.restart()]];
    return [
      [0.006, () => this.restart()],
      [0.006, () => this.#setDisk(!disk.full)],
    ];
  }
  /** Fills the disk, or makes room. After that, a sweep takes up what calls left begun while it was full. */
  #setDisk(full: boolean): void {
    const { disk, faults, scheduler } = this.#world;
    if (disk.full === full) return;
    disk.full = full;
    scheduler.count(full ? "full disks" : "emptied disks");
    if (!full && faults.sweeper === "start") this.background("start", (engine) => engine.sweep({ all: true }));
  }
  kill(kind: string): void {
    for (const process of this.#all) if (process.name.startsWith(kind)) this.#world.scheduler.kill(process);
  }

  freeze(): void {
    // A process that froze for ever would be a call that nobody finishes.
    if (this.#world.faults.crashes) return;
    this.#freezeOrThaw(true);
  }
  thaw(): void {
    this.#freezeOrThaw(false);
  }
  #freezeOrThaw(frozen: boolean): void {
    const candidates = this.#all.filter((process) => process.frozen !== frozen);
    if (candidates.length === 0) return;
    const process = this.#random.pick(candidates);
    process.frozen = frozen;
    if (frozen) this.#world.scheduler.count("frozen");
    this.#world.scheduler.note(() => `${process.name} ${frozen ? "freezes" : "thaws"}`);
  }
  thawAll(): void {
    for (const process of this.#all) process.frozen = false;
  }
  /**
   * Makes room on the disk, and takes frozen workers out of delivery. Kills a worker that may only hand executions over, because it could do so for
   * ever while the others are busy.
   */
  endStorm(): void {
    this.#setDisk(false);
    // In the calm there is one release.
    for (const process of this.#all)
      if (!process.frozen && process.deployed !== this.#world.releases.current && process.deployed)
        this.#world.scheduler.kill(process);
    if (this.#without?.frozen === false) this.#world.scheduler.kill(this.#without);
    this.workers = this.workers.filter((worker) => !worker.process.frozen);
    if (this.#undertaker?.process.frozen) this.#undertaker = undefined;
  }
  active(kind: string): boolean {
    return this.#all.some((process) => process.name.startsWith(kind) && !process.frozen);
  }
}
