import { setTimeout as pause } from "node:timers/promises";
import { group } from "../../../functions/sdk/index.ts";
import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { NEW_QUEUES, withEngine } from "./engine.ts";
import { measureWaits } from "./measure-waits.ts";
import { moment, sleeper, type Stamp, stamp } from "./tasks.ts";

const CROWD = 200;
/** Milliseconds that one member of the crowd takes. */
const SLEEP_MS = 500;
/** Milliseconds from the start of a crowd to the small job. */
const UNDER_WAY_MS = 100;
/** Members of a full queue, and the milliseconds that each takes. */
const FULL = 100_000;
const SHORT_MS = 20;

/**
 * Measures how long a job of one task waits for its call beside members that sleep, which fill every slot of their
 * queue. With 200 members, the job is first on a queue of its own, then on theirs. With 100,000, each job is the first
 * of a new queue.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const measured = (beside: string, work: () => Promise<readonly number[]>): Promise<readonly number[]> =>
      measureWaits(context, work, (waits) => ({ beside, maxMs: round(Math.max(...waits)) }));
    const called = async (queue: string): Promise<number> => {
      const sentAt = moment();
      const { value } = await engine.ended(await engine.submit(stamp.s().set({ queue })));
      return (value as unknown as Stamp).at - sentAt;
    };
    const beside = async (queue: string): Promise<number> => {
      const crowd = group(Array.from({ length: CROWD }, () => sleeper.s(SLEEP_MS).set({ queue: "crowded" })));
      const crowded = await engine.submit(crowd);
      await pause(UNDER_WAY_MS);
      const waited = await called(queue);
      await engine.ended(crowded);
      return waited;
    };
    const times = async (wait: (k: number) => Promise<number>): Promise<readonly number[]> => {
      const waits: number[] = [];
      while (waits.length < context.n) waits.push(await wait(waits.length));
      return waits;
    };
    for (const [queue, where] of [
      ["free", "another queue"],
      ["crowded", "the same queue"],
    ] as const)
      await measured(`${CROWD} sleepers of ${SLEEP_MS} ms on ${where}`, () => times(() => beside(queue)));

    const sleepers = Array.from({ length: FULL }, () => sleeper.s(SHORT_MS).set({ queue: "full" }));
    const full = await engine.submit(group(sleepers));
    await pause(UNDER_WAY_MS);
    await measured(`${FULL} sleepers of ${SHORT_MS} ms on another queue`, () =>
      times((k) => called(NEW_QUEUES[k % NEW_QUEUES.length] as string)),
    );
    await engine.local.runtime.engine.cancel(full);
  });
