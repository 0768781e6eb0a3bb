import { setTimeout as pause } from "node:timers/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CanvasSource, chord, group } from "../../../functions/sdk/index.ts";
import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { checkCollected, DURABILITY, withEngine } from "./engine.ts";
import { breakable, collect } from "./tasks.ts";

const FAILURES = 10;
/** Time in which the process that submitted gives the memory of the canvas back. */
const REST_MS = 15_000;

/**
 * Measures rounds of one chord of `n` members, ten of which failed: one that takes up a single run, which fails again,
 * and one that takes up all ten and their callback.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const { n, bench } = context;
    const { runtime } = engine.local;
    const mended = join(context.folder, "mended");
    const failing = Array.from({ length: FAILURES }, (_, k) => Math.floor((k * (n - 1)) / FAILURES));
    const members = group(breakables(n, new Set(failing), mended));
    const jobId = await engine.submit(chord(members, collect.signature([], { file: engine.file })));
    await engine.ended(jobId, "failure");
    const rounds = [
      { runs: 1, request: { filter: { runIds: [`${jobId}.0.g.${failing[0]}`] } }, state: "failure" },
      { runs: FAILURES, request: {}, state: "success" },
    ] as const;
    for (const { runs, request, state } of rounds) {
      await pause(REST_MS);
      if (state === "success") writeFileSync(mended, "");
      const before = await engine.counts();
      const { value: job, ...used } = await context.measure(async () => {
        await runtime.engine.retry(jobId, request);
        return engine.ended(jobId, state);
      });
      const after = await engine.counts();
      if (state === "success") checkCollected(job.value, n);
      context.emit({
        bench,
        engine: "fanfold",
        level: "default",
        n,
        runs,
        seconds: round(used.seconds),
        cpuSeconds: round(used.cpuSeconds),
        rssMb: round(used.rssMb),
        rssWorkersMb: round(used.rssOthersMb),
        writeUnits: after.writeUnits - before.writeUnits,
        messages: after.messages - before.messages,
        commits: after.commits - before.commits,
        durability: DURABILITY,
      });
    }
  });
function* breakables(n: number, failing: ReadonlySet<number>, mended: string): Generator<CanvasSource> {
  for (let index = 0; index < n; index++) yield failing.has(index) ? breakable.s(index, mended) : breakable.s(index);
}
