import { jobResult, type Result, type Run } from "../../functions/client/index.ts";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import type { Json } from "../../functions/core/json.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Engine, JobView } from "../../functions/engine/contract.ts";
import { loadTaskModule } from "../../functions/sdk/index.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { executedOf, logOf, runsOf } from "./observe.ts";
import * as module from "./tasks.ts";

type Exports = Readonly<Record<string, unknown>>;

/**
 * Runs the notation's tasks on the engine in memory, driven by hand. It proves what a case says about faults and ids.
 */
export class Bench {
  readonly local: LocalEngine;
  readonly #submitter: Engine;

  /**
   * `more` holds exports of tasks beside those of the notation. `foreign` holds further tasks, which the submitter
   * knows but no worker does.
   */
  constructor(config: Partial<EngineConfig> = {}, more: Exports = {}, foreign: Exports = {}) {
    this.local = new LocalEngine(loadTaskModule({ ...module, ...more }).tasks, config, {
      queues: ["engine", "local.default#worker", "local.celery#worker"],
    });
    this.#submitter = new LocalEngine(loadTaskModule({ ...module, ...more, ...foreign }).tasks, config).over(
      this.local,
    );
  }
  /** Submits a node of the notation and returns the job's id. */
  async submit(node: Json): Promise<string> {
    return (await this.#submitter.submit({ canvas: parseCanvas(node) })).jobId;
  }
  /** Handles `turns` batches of messages. */
  async turns(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await this.local.turn();
  }
  async ended(jobId: string): Promise<JobView> {
    await this.local.untilQuiet();
    const job = await this.local.engine.job(jobId);
    if (job?.endedAt === undefined)
      throw new Error(`job ${jobId} is ${job?.state ?? "gone"} when nothing is left to do`);
    return job;
  }
  result(jobId: string): Promise<Result> {
    return jobResult(this.local.engine, jobId);
  }
  async run(node: Json): Promise<{ readonly jobId: string; readonly job: JobView; readonly result: Result }> {
    const jobId = await this.submit(node);
    return { jobId, job: await this.ended(jobId), result: await this.result(jobId) };
  }
  runs(jobId: string): Promise<readonly Run[]> {
    return runsOf(this.local.engine, jobId, true);
  }
  async log(jobId: string): Promise<readonly Json[]> {
    return logOf(await this.runs(jobId));
  }
  async executed(jobId: string): Promise<Readonly<Record<string, number>>> {
    return executedOf(await this.runs(jobId));
  }
  /**
   * Delivers a batch of messages to `copies` engines at once, as a queue with delivery at least once may do. The
   * message comes again when a port fails. Returns `false` when no message was ready.
   */
  async deliver(copies = 1): Promise<boolean> {
    const { local } = this;
    const engines = [local.engine, ...Array.from({ length: copies - 1 }, () => local.over(local))];
    const messages = await local.queue.receive(local.queues, 10, 30);
    const work = messages.map(async (message) => {
      const outcomes = await Promise.allSettled(engines.map((engine) => engine.handle(message, LocalEngine.loop)));
      const done = outcomes.every((outcome) => outcome.status === "fulfilled" && outcome.value.kind === "done");
      await (done ? local.queue.ack([message.id]) : local.queue.later(message.id, 1));
    });
    await this.#whileTimePasses(Promise.all(work));
    return messages.length > 0;
  }
  /** Delivers and sweeps until the job has ended, while time passes. Throws after this many days of the job's time. */
  async deliverUntilEnded(jobId: string, copies = 1, days = 1): Promise<JobView> {
    const { clock, engine, queue, queues } = this.local;
    for (const end = clock.now() + days * 86_400_000; clock.now() < end;) {
      if (await this.deliver(copies)) continue;
      const job = await engine.job(jobId);
      if (job?.endedAt !== undefined) return job;
      const next = await queue.nextVisibleAt(queues);
      clock.set(Math.max(clock.now() + 1, Math.min(next ?? Infinity, clock.now() + 60_000)));
      await engine.sweep().catch(() => undefined);
    }
    throw new Error(`job ${jobId} does not end`);
  }
  async #whileTimePasses(work: Promise<unknown>): Promise<void> {
    let over = false;
    const all = work.finally(() => (over = true));
    all.catch(() => undefined);
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.local.clock.nextWake();
      if (!over && next !== undefined) this.local.clock.set(Math.max(next, this.local.clock.now()));
    }
    await all;
  }
}

export const add = (...args: number[]): Json => ({ task: "add", args });
export const identity: Json = { task: "identity" };
export const tsum: Json = { task: "tsum" };
export const fail: Json = { task: "fail" };
export const onError: Json = { task: "on_err", kwargs: { tag: "E" } };
export const chord = (header: Json[], body: Json, more: { readonly [key: string]: Json } = {}): Json => ({
  chord: { header, body },
  ...more,
});
