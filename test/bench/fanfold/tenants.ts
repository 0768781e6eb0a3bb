import type { CanvasSource } from "../../../functions/sdk/canvas-builder.ts";
import { group } from "../../../functions/sdk/index.ts";
import type { Case } from "../case.ts";
import { percentile, round } from "../statistics.ts";
import { type BenchEngine, withEngine } from "./engine.ts";
import { measureWaits } from "./measure-waits.ts";
import { moment, sleeper } from "./tasks.ts";

const SMALL_TENANTS = 19;
/** Members of a job of a small tenant, and of the big one's only job. */
const FEW = 10;
const MANY = 100_000;
/** Milliseconds that a member takes. */
const SLEEP_MS = 200;

/**
 * Measures how long jobs of nineteen tenants take, each of which starts its next job when the last has ended. They are
 * first alone, then beside a tenant with a job of 100,000 members on the same queue.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const measured = async (beside: string, alone?: number): Promise<number> => {
      const p99Of = (waits: readonly number[]): number => percentile(waits, 0.99);
      const waits = await measureWaits(
        context,
        () => jobsOfAll(engine, context.n),
        (all) => ({
          beside,
          p99Ms: round(p99Of(all)),
          ...(alone !== undefined && { timesAlone: round(p99Of(all) / alone) }),
        }),
      );
      return p99Of(waits);
    };
    const alone = await measured("nobody");
    const big = await engine.submit(jobOf(MANY));
    await measured(`a job of ${MANY} members`, alone);
    const { endedAt } = (await engine.local.runtime.engine.job(big)) ?? {};
    if (endedAt !== undefined) throw new Error("the big job ended before the small ones: choose a smaller n");
    await engine.local.runtime.engine.cancel(big);
  });

const jobOf = (members: number): CanvasSource =>
  group(Array.from({ length: members }, () => sleeper.s(SLEEP_MS).set({ queue: "crowded" })));
/** Returns the milliseconds that each job took, of so many jobs for each small tenant. */
async function jobsOfAll(engine: BenchEngine, jobs: number): Promise<readonly number[]> {
  const waits: number[] = [];
  const tenants = Array.from({ length: SMALL_TENANTS }, async () => {
    for (let k = 0; k < jobs; k++) {
      const from = moment();
      await engine.ended(await engine.submit(jobOf(FEW)));
      waits.push(moment() - from);
    }
  });
  await Promise.all(tenants);
  return waits;
}
