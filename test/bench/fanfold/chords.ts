import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { callbacksRun, checkCollected, DURABILITY, fanIn, perChild, withEngine } from "./engine.ts";

const MEMBERS = 100;
const AT_ONCE = 32;

/**
 * Measures `n` jobs, each a chord of 100 members. Several are submitted at the same time. Children are members: 100
 * times `n`.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const { n } = context;
    const before = await engine.counts();
    const { value, seconds, cpuSeconds, rssMb } = await context.measure(async () => {
      const jobs: string[] = [];
      let next = 0;
      const submitter = async (): Promise<void> => {
        while (next++ < n) jobs.push(await engine.submit(fanIn(MEMBERS, engine.file)));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, submitter));
      const values: unknown[] = [];
      for (const jobId of jobs) values.push((await engine.ended(jobId)).value);
      return values;
    });
    const after = await engine.counts();
    for (const collected of value) checkCollected(collected, MEMBERS);
    const callbacks = callbacksRun(engine.file);
    if (callbacks !== n) throw new Error(`${callbacks} callbacks ran, not ${n}`);
    context.emit({
      bench: context.bench,
      engine: "fanfold",
      level: "default",
      n,
      seconds: round(seconds),
      perSecond: round((n * MEMBERS) / seconds),
      cpuSeconds: round(cpuSeconds),
      rssMb: round(rssMb),
      ...perChild(before, after, n * MEMBERS),
      membersEach: MEMBERS,
      chordsPerSecond: round(n / seconds),
      durability: DURABILITY,
    });
  });
