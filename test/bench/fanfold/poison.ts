import { setTimeout as pause } from "node:timers/promises";
import type { JobView } from "../../../functions/engine/contract.ts";
import type { Case } from "../case.ts";
import { percentile, round } from "../statistics.ts";
import { type BenchEngine, DURABILITY, withEngine } from "./engine.ts";
import { identity, poison, POISONS } from "./tasks.ts";

const EVERY_MS = 50;
/** Timeouts of a run that never ends, and of the others, which end by themselves. */
const LOOP_SECONDS = 2;
const LONG_SECONDS = 60;
/** MB of a worker's heap, so that a run that fills the memory does not fill the machine's. */
const HEAP_MB = 512;

/**
 * Measures small jobs, one every 50 ms, while `n` runs of six kinds hurt the worker processes that they share. Throws
 * when a run does not end with its true reason.
 */
export const run: Case = (context) => {
  process.env["NODE_OPTIONS"] = `--max-old-space-size=${HEAP_MB}`;
  return withEngine(context, async (engine) => {
    const { n, bench } = context;
    const { local } = engine;
    const kinds = Object.keys(POISONS) as (keyof typeof POISONS)[];
    const kindOf = (k: number): keyof typeof POISONS => kinds[k % kinds.length] as keyof typeof POISONS;
    const jobOf = (jobId: string): Promise<JobView | undefined> => local.runtime.engine.job(jobId);
    const measured = await context.measure(async () => {
      const poisoned: string[] = [];
      for (let k = 0; k < n; k++)
        poisoned.push(
          await engine.submit(poison.s(kindOf(k)).set({ timeout: kindOf(k) === "loop" ? LOOP_SECONDS : LONG_SECONDS })),
        );
      const small: Promise<number>[] = [];
      for (let left = poisoned; left.length > 0; left = await unended(left, jobOf)) {
        small.push(timed(engine));
        await pause(EVERY_MS);
      }
      return { poisoned, small: await Promise.all(small) };
    });
    const { poisoned, small } = measured.value;
    for (const [k, jobId] of poisoned.entries()) {
      const kind = kindOf(k);
      const { error } = (await jobOf(jobId)) as JobView;
      const reason = error?.reason ?? error?.message;
      if (reason !== POISONS[kind]) throw new Error(`a run of the kind ${kind} ended with ${reason}`);
    }
    context.emit({
      bench,
      engine: "fanfold",
      level: "default",
      n,
      seconds: round(measured.seconds),
      cpuSeconds: round(measured.cpuSeconds),
      rssMb: round(measured.rssMb),
      small: small.length,
      p50Ms: round(percentile(small, 0.5)),
      p99Ms: round(percentile(small, 0.99)),
      mostMs: round(Math.max(...small)),
      durability: DURABILITY,
    });
  });
};
async function unended(
  jobIds: readonly string[],
  jobOf: (jobId: string) => Promise<JobView | undefined>,
): Promise<string[]> {
  const jobs = await Promise.all(jobIds.map(jobOf));
  return jobIds.filter((_, k) => jobs[k]?.endedAt === undefined);
}
async function timed(engine: BenchEngine): Promise<number> {
  const start = performance.now();
  await engine.ended(await engine.submit(identity.s(1)));
  return performance.now() - start;
}
