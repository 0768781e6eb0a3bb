import type { Case, CaseContext } from "../case.ts";
import { round } from "../statistics.ts";
import { type BenchEngine, callbacksRun, checkCollected, DURABILITY, fanIn, perChild, withEngine } from "./engine.ts";

/** Measures one chord of `n` empty members, from the making of its canvas to the end of its callback. */
export const run: Case = (context) =>
  withEngine(context, async (engine) => context.emit(await measureFanIn(context, engine)));

export async function measureFanIn(context: CaseContext, engine: BenchEngine) {
  const { bench, n, level } = context;
  const before = await engine.counts();
  const { value, seconds, cpuSeconds, rssMb, rssOthersMb } = await context.measure(async () => {
    const jobId = await engine.submit(fanIn(n, engine.file, level));
    const submittedAt = performance.now();
    return { job: await engine.ended(jobId), runSeconds: (performance.now() - submittedAt) / 1_000 };
  });
  const after = await engine.counts();
  const { job, runSeconds } = value;
  checkCollected(job.value, n);
  const callbacks = callbacksRun(engine.file);
  if (callbacks !== 1) throw new Error(`the callback ran ${callbacks} times`);
  return {
    bench,
    engine: "fanfold",
    level: level ?? "default",
    n,
    seconds: round(seconds),
    perSecond: round(n / seconds),
    cpuSeconds: round(cpuSeconds),
    perCpuSecond: round(n / cpuSeconds),
    rssMb: round(rssMb),
    rssWorkersMb: round(rssOthersMb),
    ...perChild(before, after, n),
    submitSeconds: round(seconds - runSeconds),
    resultsRead: await membersRead(engine, job.jobId, n),
    durability: DURABILITY,
  };
}

/**
 * Reads the first member, the middle one and the last from outside. Throws when one is wrong, and returns how many
 * could be read.
 */
async function membersRead({ local }: BenchEngine, jobId: string, members: number): Promise<number> {
  const { engine } = local.runtime;
  const { items } = await engine.runs(jobId, { limit: 10 });
  const groupId = items.find(({ groupId: gid, childGroup }) => gid === jobId && childGroup !== undefined)?.childGroup;
  if (groupId === undefined) throw new Error(`job ${jobId} shows no group`);
  let read = 0;
  for (const index of [0, Math.floor(members / 2), members - 1]) {
    const run = await engine.run(`${groupId}.${index}~0`);
    if (run === undefined) continue;
    if (run.value !== index) throw new Error(`member ${index} gave ${JSON.stringify(run.value)}`);
    read++;
  }
  return read;
}
