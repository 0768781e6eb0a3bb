import { ResultError } from "../../client/results.ts";
import type { FieldsOf, FieldsThen, ValueOfWork } from "../../client/work.ts";
import { FanfoldError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { MAX_RECEIVES } from "../../core/names/queue-name.ts";
import type { RunStatus } from "../../core/plan/run-state.ts";
import { DEFAULT_CONFIG } from "../../engine/config.ts";
import type { Engine } from "../../engine/contract.ts";
import { createEngine } from "../../engine/engine.ts";
import type { GroupView, JobView, Page, ReportView, RunView } from "../../engine/job-views.ts";
import { PortError, type Ports } from "../../engine/ports.ts";
import type { AnyTask } from "../../sdk/any-task.ts";
import type { CanvasSource, TaskLike, Whole } from "../../sdk/builder-types.ts";
import { canvasOf } from "../../sdk/canvas-builder.ts";
import { type Exports, loadTaskModule } from "../../sdk/module.ts";
import { type ResourceFake, ResourcePool, Supplies } from "../../sdk/resource-pool.ts";
import { createRegistry, createRunner } from "../../sdk/runner.ts";
import { givenSecrets } from "../../sdk/secrets.ts";
import { createWorkflows, isWorkflow, type Workflow, type Workflows } from "../../sdk/workflow.ts";
import { FakeClock } from "../ports/fake-clock.ts";
import { MemoryBlobs } from "../ports/memory-blobs.ts";
import { MemoryQueue } from "../ports/memory-queue.ts";
import { MemoryStore } from "../ports/memory-store.ts";
import { SequenceIds } from "../ports/sequence-ids.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import { type Faults, randomOf, SeededFaults } from "./seeded-faults.ts";
import { TestLoop } from "./test-loop.ts";

/** Options of an engine in memory. */
export interface TestEngineOptions {
  /** Tasks and workflows, as a module exports them. */
  readonly tasks: Exports;
  /** The time at the start, in milliseconds since the epoch. Default: 1 January 2026. */
  readonly now?: number;
  /** Attempts of tasks after which a test fails, since a loop may have no end. Default 10,000. */
  readonly maxRuns?: number;
  /** What goes wrong. Default: nothing. */
  readonly faults?: Faults;
  /**
   * What `ctx.use` gives in place of resources: `[[database, fake]]`. Others are opened, and closed by `close`.
   * Default: none.
   */
  readonly resources?: readonly ResourceFake[];
  /** What `ctx.secret` gives, by name. Default: none, so each call throws. */
  readonly secrets?: Readonly<Record<string, string>>;
}
/** A process that handles messages, until it dies. */
interface Worker {
  readonly engine: Engine;
  readonly loop: TestLoop;
  readonly faults: SeededFaults | undefined;
}
/** Messages that are handled at once, and seconds until one that a dead process held comes again. */
const BATCH = 10;
const VISIBILITY_SECONDS = 30;
/** Longest delay of a message that arrives once more. */
const REDELIVERY_SECONDS = 60;
/** Runs that are due later, which no message and no field tells when that is too late for a message. */
const LATER: ReadonlySet<RunStatus> = new Set(["retrying", "queued"]);
/** Seconds that `settle` lets pass at most. */
const SETTLE_SECONDS = 366 * 86_400;
/** Real time after which code that still runs is taken to wait for the clock of the engine. */
const PATIENCE_MS = 500;

/**
 * The engine in memory, on a clock that jumps over waits. It is the same code that runs on one machine and on AWS: only
 * the store, the queues and the clock are others.
 * @example
 * const engine = new TestEngine({ tasks: { square, total, squares } });
 * assert.equal(await engine.run(squares, { n: 4 }), 14);
 */
export class TestEngine {
  readonly #clock: FakeClock;
  readonly #store = new MemoryStore();
  readonly #queue: MemoryQueue;
  readonly #blobs = new MemoryBlobs();
  readonly #tasks: readonly AnyTask[];
  readonly #workflows: Workflows;
  readonly #attempts: Attempts;
  readonly #faults: Faults | undefined;
  readonly #random: () => number;
  readonly #supplies: Supplies;
  /** Takes the calls of the test. Nothing goes wrong in it, since a test wants to see what becomes of the work. */
  readonly #front: Engine;
  #worker: Worker;
  readonly #jobs = new Set<string>();
  readonly #queues = new Set<string>();
  #processes = 0;

  constructor({ tasks, now, maxRuns = 10_000, faults, resources, secrets = {} }: TestEngineOptions) {
    const module = loadTaskModule(tasks);
    this.#clock = new FakeClock(now);
    this.#queue = new MemoryQueue(this.#clock);
    this.#tasks = module.tasks;
    this.#workflows = createWorkflows(module.workflows);
    this.#attempts = new Attempts(maxRuns);
    this.#faults = faults;
    this.#supplies = new Supplies(new ResourcePool(), givenSecrets(secrets), resources);
    this.#random = randomOf(faults?.seed ?? 0);
    this.#front = this.#process();
    this.#worker = this.#startWorker();
  }

  /** The time, in milliseconds since the epoch. */
  get now(): number {
    return this.#clock.now();
  }
  /** All attempts so far, in the order of their starts. */
  get attempts(): readonly Attempt[] {
    return this.#attempts.all;
  }
  /** Returns the attempts of one task, in the order of their starts. */
  attemptsOf(task: AnyTask | string): readonly Attempt[] {
    const name = typeof task === "string" ? task : task.name;
    return this.attempts.filter((attempt) => attempt.task === name);
  }

  /**
   * Runs a canvas or a workflow to its end and returns its value: a list of values when it ends in a group.
   * @throws ResultError with the name and message of the error that ended the job; FanfoldError `job_unfinished` when
   *   the job waits for an event or an approval
   */
  run<Work extends CanvasSource | TaskLike | Workflow | string>(
    work: Work & Whole<Work>,
    ...fields: Work extends string | Workflow ? FieldsThen<FieldsOf<unknown, Work>, never> : []
  ): Promise<ValueOfWork<unknown, Work>>;
  async run(work: CanvasSource | Workflow | string, fields?: JsonObject): Promise<never> {
    const job = await this.settle(await this.submit(work, fields));
    return (await this.#valueOf(job)) as never;
  }
  /** Starts a canvas or a workflow, and returns the id of its job. Nothing runs before `settle` or `advance`. */
  async submit(work: CanvasSource | Workflow | string, fields: JsonObject = {}): Promise<string> {
    const isNamed = typeof work === "string" || isWorkflow(work);
    const start = isNamed
      ? { ...this.#workflows.start(typeof work === "string" ? work : work.name, fields), workflow: nameOf(work) }
      : { canvas: canvasOf(work) };
    const { jobId } = await this.#passing(this.#front.submit(start));
    this.#jobs.add(jobId);
    return jobId;
  }
  /**
   * Lets work go on and time pass until nothing is left to do, and returns the job. A job that waits for an event or an
   * approval without a timeout stays as it is.
   */
  async settle(jobId: string): Promise<JobView> {
    await this.#until(this.now + SETTLE_SECONDS * 1_000, async () => this.#hasEnded(jobId));
    return this.job(jobId);
  }
  /** Lets exactly this much time pass, with all work that falls into it. */
  async advance(seconds: number): Promise<void> {
    const end = this.now + seconds * 1_000;
    await this.#until(end, async () => false);
    this.#clock.set(Math.max(end, this.now));
    await this.#until(end, async () => false);
  }

  /** Returns a job, or throws `job_not_found`. */
  async job(jobId: string): Promise<JobView> {
    const job = await this.#passing(this.#front.job(jobId));
    if (job !== undefined) return job;
    throw new FanfoldError("job_not_found", `there is no job ${jobId}`, { details: { jobId } });
  }
  /**
   * Returns a group of a job, as `GET /groups/{id}` does.
   * @throws FanfoldError `group_not_found`, `group_expired`
   */
  group(groupId: string): Promise<GroupView> {
    return this.#passing(this.#front.group(groupId));
  }
  /** Returns what the runs of a job have streamed of their items. */
  async reports(jobId: string): Promise<readonly ReportView[]> {
    return this.#all((page) => this.#front.reports(jobId, page));
  }
  /** Returns all runs of a job. */
  async runs(jobId: string): Promise<readonly RunView[]> {
    return this.#all((page) => this.#front.runs(jobId, page));
  }
  async #all<T>(read: (page: { readonly cursor?: string }) => Promise<Page<T>>): Promise<readonly T[]> {
    const items: T[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await this.#passing(read(cursor === undefined ? {} : { cursor }));
      items.push(...page.items);
      if (page.cursor === undefined) return items;
      cursor = page.cursor;
    }
  }
  /** Sends an event to a job. Returns `false` when one of this name was sent before. */
  sendEvent(jobId: string, name: string, value: Json = null): Promise<boolean> {
    return this.#passing(this.#front.sendEvent(jobId, name, value));
  }
  /**
   * Answers the run of a job that waits for this approval.
   * @throws FanfoldError `run_not_found` when none waits for it
   */
  async approve(jobId: string, name: string, value: Json = true): Promise<boolean> {
    await this.#until(this.now, async () => false);
    const waiting = (await this.runs(jobId)).find(({ wait }) => wait?.of === "approval" && wait.name === name);
    const run = waiting && (await this.#passing(this.#front.run(waiting.runId)));
    if (run?.wait?.token === undefined)
      throw new FanfoldError("run_not_found", `no run of ${jobId} waits for the approval ${name}`);
    return this.#passing(this.#front.complete(run.runId, run.wait.token, { value }));
  }
  /** Cancels a job. Returns `false` when it had ended. */
  cancel(jobId: string): Promise<boolean> {
    return this.#passing(this.#front.cancel(jobId));
  }
  /** Closes the resources that tasks have opened. Fakes stay as they are. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    await this.#supplies.pool.close((_resource, error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #process(around = (ports: Ports): Ports => ports): Engine {
    const { around: noted } = this.#attempts;
    return createEngine(
      around({
        store: this.#store,
        queue: this.#sending(),
        blobs: this.#blobs,
        clock: this.#clock,
        ids: new SequenceIds(this.#processes++),
        registry: createRegistry(this.#tasks),
        runner: noted(createRunner(this.#tasks, this.#supplies)),
      }),
    );
  }
  #startWorker(): Worker {
    const faults = this.#faults && new SeededFaults(this.#faults, this.#random);
    return { engine: this.#process(faults?.around), loop: new TestLoop(), faults };
  }
  /** Any signature may name a queue, so one is served from its first message on. */
  #sending(): Ports["queue"] {
    const { maxDelaySeconds } = this.#queue;
    return {
      maxDelaySeconds,
      depth: (name) => this.#queue.depth(name),
      send: (messages) => {
        for (const { queue } of messages) this.#queues.add(queue);
        return this.#queue.send(messages);
      },
    };
  }
  async #hasEnded(jobId: string): Promise<boolean> {
    return (await this.job(jobId)).endedAt !== undefined;
  }
  async #valueOf(job: JobView): Promise<Json> {
    if (job.error !== undefined) throw new ResultError(job.error, job.error.runId);
    if (job.endedAt === undefined)
      throw new FanfoldError("job_unfinished", `the job ${job.jobId} waits: submit it, then send what it waits for`);
    if (job.state !== "success")
      throw new ResultError(
        { name: "JobCancelled", message: `the job ${job.jobId} has ended: ${job.state}` },
        job.jobId,
      );
    if (job.value !== undefined) return job.value;
    const values: Json[] = [];
    const collect = async (): Promise<void> => {
      for await (const { value = null } of this.#front.results(job.jobId)) values.push(value);
    };
    await this.#passing(collect());
    return values;
  }

  async #until(end: number, done: () => Promise<boolean>): Promise<void> {
    for (;;) {
      if (await this.#turn()) continue;
      if (await done()) return;
      const expires = await this.#nextExpiry();
      const next = earlier(await this.#queue.nextVisibleAt([...this.#queues]), expires);
      if (next === undefined || next > end) return;
      this.#clock.set(Math.max(next, this.now + 1));
      if (next === expires) await this.#passing(this.#front.sweep({ all: true }));
    }
  }
  /** Returns when the sweeper has something to do: at the end of a wait, or for a run that is due long after. */
  async #nextExpiry(): Promise<number | undefined> {
    let next: number | undefined;
    for (const jobId of this.#jobs) {
      if (await this.#hasEnded(jobId)) this.#jobs.delete(jobId);
      else for (const run of await this.runs(jobId)) next = earlier(next, await this.#expiryOf(run));
    }
    return next;
  }
  async #expiryOf({ runId, status, unmet = [], wait }: RunView): Promise<number | undefined> {
    if (LATER.has(status)) return this.now + DEFAULT_CONFIG.sweepSeconds * 1_000;
    const shown = wait && (await this.#passing(this.#front.run(runId)));
    return unmet.reduce((next, { expiresAt }) => earlier(next, expiresAt), shown?.wait?.expiresAt);
  }
  /** Handles one batch of messages. Returns `false` when none was due. */
  async #turn(): Promise<boolean> {
    const messages = await this.#queue.receive([...this.#queues], BATCH, VISIBILITY_SECONDS);
    const { engine, loop, faults } = this.#worker;
    const handled = messages.map(async (message) => {
      const handle = message.receives > MAX_RECEIVES ? "handleDeadLetter" : "handle";
      const disposition = await engine[handle](message, loop);
      if (disposition.kind !== "done") await this.#queue.later(message.id, disposition.delaySeconds);
      else if (this.#comesAgain()) await this.#queue.later(message.id, this.#random() * REDELIVERY_SECONDS);
      else await this.#queue.ack([message.id]);
    });
    const ended = await this.#passing(Promise.race([Promise.allSettled(handled), ...(faults ? [faults.died] : [])]));
    if (faults?.isDead) {
      this.#attempts.lose();
      this.#worker = this.#startWorker();
    }
    // A message whose call a port refused comes again. Anything else is a mistake.
    for (const each of ended ?? [])
      if (each.status === "rejected" && !(each.reason instanceof PortError)) throw each.reason;
    if (this.#attempts.overrun !== undefined) throw this.#attempts.overrun;
    return messages.length > 0;
  }
  #comesAgain(): boolean {
    return this.#random() < (this.#faults?.redeliver ?? 0);
  }
  /** Lets the engine's pauses end while `work` goes on. Code of tasks has some real time before the clock moves. */
  async #passing<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const watched = work.finally(() => (over = true));
    watched.catch(() => undefined);
    for (let since = performance.now(); !over;) {
      await new Promise((resolve) => setImmediate(resolve));
      const isRunning = this.#attempts.active > 0;
      if (over || (isRunning && performance.now() - since < PATIENCE_MS)) continue;
      const { loop } = this.#worker;
      const next = earlier(this.#clock.nextWake(), isRunning ? loop.nextDeadline() : undefined);
      if (next === undefined) continue;
      this.#clock.set(Math.max(next, this.now));
      loop.abortDue(this.now);
      since = performance.now();
    }
    return watched;
  }
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
function nameOf(work: Workflow | string): string {
  return typeof work === "string" ? work : work.name;
}
