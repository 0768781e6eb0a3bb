import { FanfoldError } from "../../functions/core/errors.ts";
import { CATCH_UPS, OVERLAPS, type ScheduleSpec } from "../../functions/core/schedule/schedule.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import type { Schedule } from "../../functions/engine/items/schedule-items.ts";
import { PortError, type SchedulePorts } from "../../functions/engine/ports.ts";
import { Processes } from "./processes.ts";
import { seededRandom, type Random } from "./random.ts";
import { type KnownSchedule, nextSimTime, ScheduleChecks } from "./schedule-checks.ts";
import { Scheduler } from "./scheduler.ts";
import { SharedWork } from "./shared-work.ts";
import { Releases } from "./releases.ts";
import { SoloWork } from "./solo-work.ts";
import { Tiers } from "./tiers.ts";
import { SIM_REGISTRY } from "./script-runner.ts";
import { type Settings, settingsFor } from "./settings.ts";
import { Shape } from "./shape.ts";
import { SimExecutions } from "./sim-executions.ts";
import type { SimWorld } from "./sim-ports.ts";
import { SimQueue } from "./sim-queue.ts";
import { SimStore } from "./sim-store.ts";
import {
  CALM_ROUNDS,
  CALM_STEPS,
  type SimulationOptions,
  SWEEP_EVERY_MS,
  type Violation,
} from "./simulation-options.ts";
import { TASKS } from "./workload.ts";

const WORKFLOW = "scripted";
/** What schedules start: a job of one task, of a few steps. */
const start: SchedulePorts["start"] = (_workflow, fields) => {
  const script = { label: JSON.stringify(fields), steps: 3, behaviour: "succeed" };
  const task = { kind: "task" as const, task: TASKS.plain, args: [], options: {}, immutable: false };
  return { canvas: { ...task, kwargs: { script } }, parameters: fields };
};

/**
 * One run of schedules: two sweepers, workers that die and freeze, lost messages and responses, and clients that put,
 * edit, pause and trigger. In the calm every schedule comes to its end.
 */
export class ScheduleSimulation {
  readonly violations: Violation[] = [];
  readonly scheduler: Scheduler;
  readonly #random: Random;
  readonly #settings: Settings;
  readonly #store: SimStore;
  readonly #queue = new SimQueue();
  readonly #world: SimWorld;
  readonly #processes: Processes;
  readonly #known = new Map<string, KnownSchedule>();
  readonly #checks: ScheduleChecks;
  #pending = 0;
  #sweeping = 0;
  #sweptAt = 0;

  constructor(seed: number, { faults = {}, trace }: SimulationOptions = {}) {
    const random = (this.#random = seededRandom(seed));
    const scheduler = (this.scheduler = new Scheduler(random));
    scheduler.trace = trace;
    const settings = (this.#settings = settingsFor(random, faults));
    const store = (this.#store = new SimStore(random, () => scheduler.now));
    const blobs = new Map<string, Uint8Array>();
    const shape = new Shape(store, blobs, settings.config.width as number, new Map());
    const queue = this.#queue;
    this.#world = {
      executions: new SimExecutions({ scheduler, queue, shape, faults }, this),
      scheduler,
      store,
      queue,
      blobs,
      faults,
      disk: { full: false },
      late: new Set(),
      maxDelaySeconds: settings.maxDelaySeconds,
      visibilityMs: settings.visibilityMs,
      maxReceives: settings.maxReceives,
      poisons: () => false,
      registry: SIM_REGISTRY,
      shared: new SharedWork(0, false, false),
      releases: new Releases(0, false, 0),
      tiers: new Tiers(0, {}),
      solos: new SoloWork(0, {}, this.scheduler),
      schedules: { nextTime: (when, _anchor, after) => nextSimTime({ when }, after), timeText: String, start },
      shape,
      handling: new Map(),
    };
    const nothing = (): void => undefined;
    this.#processes = new Processes(this.#world, settings, random, {
      runs: {
        started: nothing,
        collected: nothing,
        ended: nothing,
        runs: nothing,
        told: nothing,
        consumed: nothing,
        bulk: { called: nothing, ended: nothing, hook: nothing },
        late: nothing,
      },
      bad: (kind, detail) => this.bad(kind, detail),
      held: nothing,
      finished: () => false,
    });
    const open = (gid: string): boolean => shape.header(gid)?.outcome === undefined;
    this.#checks = new ScheduleChecks(this.#known, settings.skewMs, open, this);
    store.watch(({ before, after }) => {
      if (!before && after?.key.table === "callbacks" && after.key.partition.startsWith("G#"))
        this.#checks.started(after, scheduler.now);
    });
  }

  bad(kind: string, detail: string): void {
    this.violations.push({ kind, detail });
    this.scheduler.note(() => `VIOLATION ${kind}: ${detail}`);
  }
  async run(): Promise<void> {
    const count = 1 + this.#random.int(2);
    for (let k = 0; k < count; k++) this.#putFirst(`schedule-${k}`);
    await this.#storm(400 + this.#random.int(2_500));
    await this.#calm();
    if (this.violations.length === 0) this.#checks.ended(this.#schedules());
  }

  #schedules(): Schedule[] {
    return this.#store
      .peekPartition("tasks", "SC#all")
      .map(({ key, attributes }) => ({ name: key.sort, ...attributes }) as unknown as Schedule);
  }
  #putFirst(name: string): void {
    const random = this.#random;
    const spec: ScheduleSpec = {
      when: { everySeconds: 4 + random.int(9) },
      workflow: WORKFLOW,
      overlap: random.pick(OVERLAPS),
      catchUp: random.pick(["all", "all", ...CATCH_UPS]),
      ...(random.chance(0.3) && { forEach: { field: "of", values: ["a", "b"] } }),
    };
    this.#known.set(name, { name, spec, changed: random.chance(0.4), pauses: [] });
    this.#call((engine) => engine.putSchedule(name, spec));
  }
  /** A client that repeats its call until a port answers. After a death another one does. At the end no time is left. */
  #call(work: (engine: Engine) => Promise<unknown>, answered = (): void => undefined): void {
    this.#pending++;
    let done = false;
    this.#processes.background(
      "client",
      async (engine) => {
        for (;;) {
          try {
            await work(engine);
            done = true;
            return answered();
          } catch (error) {
            if (error instanceof FanfoldError && error.code === "invalid_schedule") return void (done = true);
            if (!(error instanceof PortError)) throw error;
          }
        }
      },
      () => {
        this.#pending--;
        if (!done) this.#call(work, answered);
      },
    );
  }
  #change(): void {
    const changed = [...this.#known.values()].filter(({ changed: may }) => may);
    const stored = new Set(this.#schedules().map(({ name }) => name));
    if (changed.length === 0) return;
    const { name, spec, pauses } = this.#random.pick(changed);
    if (!stored.has(name) || this.#pending > 0) return;
    const last = pauses.at(-1);
    const dice = this.#random.next();
    if (last?.resumedAt === Number.POSITIVE_INFINITY) this.#resume(name, last);
    else if (dice < 0.4) this.#call((engine) => engine.triggerSchedule(name, `key ${this.scheduler.steps}`));
    else if (dice < 0.7)
      this.#call((engine) => engine.putSchedule(name, { ...spec, timeoutSeconds: 900 + (this.scheduler.steps % 7) }));
    else
      this.#call(
        (engine) => engine.pauseSchedule(name, true),
        () => pauses.push({ pausedAt: this.scheduler.now, resumedAt: Number.POSITIVE_INFINITY }),
      );
  }
  #resume(name: string, pause: KnownSchedule["pauses"][number]): void {
    pause.resumedAt = this.scheduler.now;
    this.#call((engine) => engine.pauseSchedule(name, false));
  }

  async #storm(steps: number): Promise<void> {
    const { scheduler } = this;
    scheduler.faults = this.#settings.rates;
    for (let n = 0; n < steps && this.violations.length === 0; n++) {
      while (this.#processes.workers.length < this.#settings.workers) this.#processes.startWorker(false);
      const event = this.#chosen(this.#random.next());
      if (event) event();
      else if (!(await scheduler.step())) this.#idle();
      scheduler.now += this.#random.int(20);
    }
    scheduler.faults = undefined;
  }
  #chosen(dice: number): (() => void) | undefined {
    const { jumpRate, beatRate, lossRate } = this.#settings;
    const events: [rate: number, event: () => void][] = [
      [0.12, () => this.#deliver(false)],
      [0.01, () => this.#deliver(true)],
      [lossRate, () => this.#lose()],
      [jumpRate, () => (this.scheduler.now += 500 + this.#random.int(4_000))],
      [this.#sweeping < 2 ? 0.006 : 0, () => this.#sweep()],
      [0.004, () => this.#change()],
      [0.003, () => this.#processes.freeze()],
      [0.003, () => this.#processes.thaw()],
      [beatRate, () => this.#random.pick(this.#processes.workers).beat()],
      ...this.#processes.machineEvents(),
    ];
    let left = dice;
    for (const [rate, event] of events) if ((left -= rate) < 0) return event;
    return undefined;
  }
  #deliver(any: boolean): void {
    const messages = any ? this.#queue.messages : this.#queue.visible(this.scheduler.now);
    const workers = this.#processes.workers.filter((worker) => !worker.process.frozen && worker.handling < 4);
    if (messages.length === 0 || workers.length === 0) return;
    const message = this.#random.pick(messages);
    if (message.receives >= this.#settings.maxReceives) this.#processes.undertaker()?.deliver(message);
    else this.#random.pick(workers).deliver(message);
  }
  #lose(): void {
    if (this.#queue.messages.length === 0) return;
    this.scheduler.count("lostMessages");
    this.#queue.lose(this.#random.pick(this.#queue.messages).id);
  }
  #sweep(): void {
    this.#sweptAt = this.scheduler.now;
    this.#sweeping++;
    this.#processes.background(
      "sweeper",
      (engine) => engine.sweep(),
      () => this.#sweeping--,
    );
  }
  #idle(): void {
    const at = Math.min(
      this.scheduler.nextReadyAt() ?? Number.POSITIVE_INFINITY,
      this.#queue.nextVisibleAt(this.scheduler.now) ?? Number.POSITIVE_INFINITY,
    );
    this.scheduler.now = Number.isFinite(at) ? at : this.scheduler.now + 1_000;
  }

  async #calm(): Promise<void> {
    this.#processes.endStorm();
    // A frozen client would be a call that nobody finishes. Another one repeats it.
    this.#processes.kill("client");
    let steps = 0;
    for (let round = 0; round < CALM_ROUNDS && this.violations.length === 0; round++) {
      while (this.#processes.workers.length < 2) this.#processes.startWorker(true);
      if (!this.#processes.active("sweeper") && this.scheduler.now - this.#sweptAt >= SWEEP_EVERY_MS) this.#sweep();
      await this.scheduler.drain();
      steps += await this.#settle();
      if (steps > CALM_STEPS) return this.bad("livelock", this.scheduler.waiting().slice(0, 10).join("; "));
      if (this.#finished()) return;
      this.#resumeAll();
      this.#pass();
    }
  }
  #resumeAll(): void {
    if (this.#pending > 0) return;
    for (const { name, pauses } of this.#known.values()) {
      const last = pauses.at(-1);
      if (last?.resumedAt === Number.POSITIVE_INFINITY) this.#resume(name, last);
    }
  }
  async #settle(): Promise<number> {
    let steps = 0;
    while (this.violations.length === 0 && steps <= CALM_STEPS) {
      const visible =
        this.#queue.visible(this.scheduler.now).length > 0 &&
        this.#processes.workers.some((worker) => worker.handling < 4);
      if (visible && this.#random.chance(0.5)) this.#deliver(false);
      else if (!(await this.scheduler.step()) && !visible) return steps;
      steps++;
    }
    return steps;
  }
  #pass(): void {
    for (const worker of this.#processes.workers) worker.beat();
    const next = [
      this.scheduler.nextReadyAt(),
      this.#queue.nextVisibleAt(this.scheduler.now),
      Math.max(this.scheduler.now + 1_000, this.#sweptAt + SWEEP_EVERY_MS),
    ];
    const at = Math.min(...next.filter((time) => time !== undefined));
    const holding = this.#processes.workers.some((worker) => worker.hasHolds());
    this.scheduler.now = holding ? Math.min(at, this.scheduler.now + 4_000) : at;
  }
  #finished(): boolean {
    if (this.#queue.messages.length > 0 || this.scheduler.busy() || this.#pending > 0) return false;
    if (this.#schedules().some(({ next, queued }) => next !== undefined || queued)) return false;
    for (const { key, attributes } of this.#store.items())
      if (key.table === "callbacks" && attributes["state"] === "open") return false;
    return true;
  }
}
