import { setTimeout as pause } from "node:timers/promises";
import { localApp } from "../../../functions/embedded/local-app.ts";
import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { type BenchEngine, DURABILITY, perChild, withEngine } from "./engine.ts";
import { identity } from "./tasks.ts";

const WARM_UP_JOBS = 2_000;
const POLL_MS = 5;

/** Measures `n` jobs of one task that one process submits together, until the last has ended. */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const { n } = context;
    await runJobs(engine, WARM_UP_JOBS);
    const before = await engine.counts();
    const { value, seconds, cpuSeconds, rssMb } = await context.measure(() => runJobs(engine, n));
    const after = await engine.counts();
    for (const [index, jobId] of value.jobs.entries()) {
      const job = await engine.ended(jobId);
      if (job.value !== index) throw new Error(`job ${index} gave ${JSON.stringify(job.value)}`);
    }
    context.emit({
      bench: context.bench,
      engine: "fanfold",
      level: "default",
      n,
      seconds: round(seconds),
      perSecond: round(n / seconds),
      cpuSeconds: round(cpuSeconds),
      perCpuSecond: round(n / cpuSeconds),
      rssMb: round(rssMb),
      ...perChild(before, after, n),
      submitSeconds: round(value.submitSeconds),
      durability: DURABILITY,
    });
  });

/** Runs jobs to their end. */
async function runJobs({ local }: BenchEngine, count: number) {
  const start = performance.now();
  // As startFanfold gives it to a program: without a network, and without a token.
  const { client } = localApp(local.runtime, console.error);
  const starts = Array.from({ length: count }, (_, index) => ({ canvas: identity.s(index).canvas }));
  const jobs = (await client.submitMany(starts)).map((outcome) => {
    if ("error" in outcome) throw outcome.error;
    return outcome.jobId;
  });
  const submitSeconds = (performance.now() - start) / 1_000;
  await untilIdle(local);
  return { jobs, submitSeconds };
}
/** Waits until every message was acknowledged. That of a job of one task is so only once the job has ended. */
async function untilIdle({ runtime }: BenchEngine["local"]): Promise<void> {
  for (;;) {
    // The health of a runtime also looks for the oldest messages, which is not part of the work.
    const { queues } = await runtime.stats();
    if (Object.values(queues).every(({ ready, delayed, inFlight }) => ready + delayed + inFlight === 0)) return;
    await pause(POLL_MS);
  }
}
