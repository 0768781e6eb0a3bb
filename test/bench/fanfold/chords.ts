import type { Case, CaseContext } from "../case.ts";
import { round } from "../statistics.ts";
import { callbacksRun, checkCollected, DURABILITY, fanIn, perChild, withEngine } from "./engine.ts";

const AT_ONCE = 32;

/** Measures `n` jobs, each a chord of 100 members. */
export const run: Case = (context) => measureChords(context, 100);

/** Measures `n` chords. Several are submitted at the same time. Children are members: `members` times `n`. */
export const measureChords = (context: CaseContext, members: number): Promise<void> =>
  withEngine(context, async (engine) => {
    const { n } = context;
    const before = await engine.counts();
    const { value, seconds, cpuSeconds, rssMb } = await context.measure(async () => {
      const jobs: string[] = [];
      let next = 0;
      const submitter = async (): Promise<void> => {
        while (next++ < n) jobs.push(await engine.submit(fanIn(members, engine.file)));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, submitter));
      const values: unknown[] = [];
      for (const jobId of jobs) values.push((await engine.ended(jobId)).value);
      return values;
    });
    const after = await engine.counts();
    for (const collected of value) checkCollected(collected, members);
    const callbacks = callbacksRun(engine.file);
    if (callbacks !== n) throw new Error(`${callbacks} callbacks ran, not ${n}`);
    context.emit({
      bench: context.bench,
      engine: "fanfold",
      level: "default",
      n,
      seconds: round(seconds),
      perSecond: round((n * members) / seconds),
      cpuSeconds: round(cpuSeconds),
      rssMb: round(rssMb),
      ...perChild(before, after, n * members),
      perCpuSecond: round((n * members) / cpuSeconds),
      membersEach: members,
      chordsPerSecond: round(n / seconds),
      durability: DURABILITY,
    });
  });
