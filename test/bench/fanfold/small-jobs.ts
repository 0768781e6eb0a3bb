import { setTimeout as pause } from "node:timers/promises";
import type { Case, CaseContext } from "../case.ts";
import { percentile, round } from "../statistics.ts";
import { type BenchEngine, DURABILITY, fanIn, withEngine } from "./engine.ts";
import { sendLoad } from "./http-load.ts";
import type { Stamp } from "./tasks.ts";

const SMALL_JOBS = 1_000;
const EVERY_MS = 10;
const CONNECTIONS = 32;
/** Share of the big job's members that have ended when the small jobs begin. */
const UNDER_WAY = 0.01;

/**
 * Measures 1,000 jobs of one task through the API, a hundred a second. They run alone, and then during a job of `n`
 * members. Reports a line for each.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    context.emit({ ...(await measureSmall(context, engine)), beside: "nothing" });
    const big = new BigJobs(engine, context.n);
    await big.underWay();
    const line = await measureSmall(context, engine);
    const bigJobs = await big.stop();
    context.emit({ ...line, beside: `a job of ${context.n} members`, bigJobs });
  });

async function measureSmall({ bench, measure }: CaseContext, engine: BenchEngine) {
  const server = await engine.serve();
  const measured = await measure(async () => {
    const sent = await sendLoad({ ...server, jobs: SMALL_JOBS, atOnce: CONNECTIONS, everyMs: EVERY_MS });
    const jobs = [];
    for (const each of sent) jobs.push({ ...each, job: await engine.ended(each.jobId) });
    return jobs;
  });
  const answered = measured.value.map(({ sentAt, answeredAt }) => answeredAt - sentAt);
  const called = measured.value.map(({ sentAt, job }) => (job.value as unknown as Stamp).at - sentAt);
  const ended = measured.value.map(({ sentAt, job }) => (job.endedAt as number) - sentAt);
  return {
    bench,
    engine: "fanfold",
    level: "default",
    n: SMALL_JOBS,
    seconds: round(measured.seconds),
    perSecond: round(SMALL_JOBS / measured.seconds),
    cpuSeconds: round(measured.cpuSeconds),
    rssMb: round(measured.rssMb),
    p50Ms: round(percentile(ended, 0.5)),
    p99Ms: round(percentile(ended, 0.99)),
    p50CalledMs: round(percentile(called, 0.5)),
    p99CalledMs: round(percentile(called, 0.99)),
    p50AnsweredMs: round(percentile(answered, 0.5)),
    p99AnsweredMs: round(percentile(answered, 0.99)),
    durability: DURABILITY,
  };
}

/** Starts one big job after the other, so one is always running. */
class BigJobs {
  readonly #engine: BenchEngine;
  readonly #members: number;
  readonly #all: Promise<void>;
  #jobId: string | undefined;
  #count = 0;
  #stopped = false;

  constructor(engine: BenchEngine, members: number) {
    this.#engine = engine;
    this.#members = members;
    this.#all = this.#run();
  }
  async underWay(): Promise<void> {
    for (;;) {
      const job = this.#jobId === undefined ? undefined : await this.#engine.local.runtime.engine.job(this.#jobId);
      if ((job?.counts.success ?? 0) >= this.#members * UNDER_WAY) return;
      await pause(10);
    }
  }
  /** Returns how many big jobs were started, and cancels the running one. */
  async stop(): Promise<number> {
    this.#stopped = true;
    if (this.#jobId !== undefined) await this.#engine.local.runtime.engine.cancel(this.#jobId);
    await this.#all;
    return this.#count;
  }
  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#jobId = await this.#engine.submit(fanIn(this.#members, this.#engine.file));
      this.#count++;
      for (;;) {
        const job = await this.#engine.local.runtime.engine.job(this.#jobId);
        if (job?.endedAt !== undefined || this.#stopped) break;
        await pause(20);
      }
    }
  }
}
