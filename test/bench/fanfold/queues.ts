import { setTimeout as pause } from "node:timers/promises";
import { group } from "../../../functions/sdk/index.ts";
import type { Case } from "../case.ts";
import { percentile, round } from "../statistics.ts";
import { DURABILITY, withEngine } from "./engine.ts";
import { moment, sleeper, type Stamp, stamp } from "./tasks.ts";

const CROWD = 200;
/** Milliseconds that one member of the crowd takes. */
const SLEEP_MS = 500;
/** Milliseconds from the start of a crowd to the small job. */
const UNDER_WAY_MS = 100;

/**
 * Measures how long a job of one task waits for its call beside 200 members that sleep, which fill every slot of their
 * queue. The job is first on a queue of its own, then on the queue of the crowd.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const beside = async (queue: string): Promise<number> => {
      const crowd = group(Array.from({ length: CROWD }, () => sleeper.s(SLEEP_MS).set({ queue: "crowded" })));
      const crowded = await engine.submit(crowd);
      await pause(UNDER_WAY_MS);
      const sentAt = moment();
      const { value } = await engine.ended(await engine.submit(stamp.s().set({ queue })));
      await engine.ended(crowded);
      return (value as unknown as Stamp).at - sentAt;
    };
    for (const [queue, where] of [
      ["free", "another queue"],
      ["crowded", "the same queue"],
    ] as const) {
      const { value, seconds, cpuSeconds, rssMb } = await context.measure(async () => {
        const waits: number[] = [];
        while (waits.length < context.n) waits.push(await beside(queue));
        return waits;
      });
      context.emit({
        bench: context.bench,
        engine: "fanfold",
        level: "default",
        n: context.n,
        seconds: round(seconds),
        cpuSeconds: round(cpuSeconds),
        rssMb: round(rssMb),
        beside: `${CROWD} sleepers of ${SLEEP_MS} ms on ${where}`,
        p50Ms: round(percentile(value, 0.5)),
        maxMs: round(Math.max(...value)),
        durability: DURABILITY,
      });
    }
  });
