import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import { defineTask, TaskError } from "../../../functions/sdk/index.ts";
// The import counts what this process writes and sends from now on.
import "./counters.ts";

/** The tasks that the benchmarks run. */
export const identity = defineTask({ name: "bench.identity", run: (_ctx, index: number) => index });
export const increment = defineTask({ name: "bench.increment", run: (_ctx, value: number) => value + 1 });
/** Returns its index like `identity`. With a file it fails until there is one of that name. */
export const breakable = defineTask({
  name: "bench.breakable",
  run: (_ctx, index: number, mended?: string) => {
    if (mended !== undefined && !existsSync(mended)) throw new TaskError("not mended yet", { retryable: false });
    return index;
  },
});

/** What a callback saw of the results of its group, in order. */
export interface Collected {
  readonly count: number;
  readonly total: number;
  /** `true` when the result of each member was its index, from 0. */
  readonly ordered: boolean;
}
/** The callback of a group of `identity`. It writes a line to the file each time it runs. */
export const collect = defineTask({
  name: "bench.collect",
  streamsResults: true,
  kwargs: z.object({ file: z.string() }),
  run: async (ctx, _results: unknown): Promise<Collected> => {
    appendFileSync(ctx.kwargs.file, `${ctx.jobId}\n`);
    let count = 0;
    let total = 0;
    let ordered = true;
    for await (const entry of ctx.results()) {
      const value = Number("value" in entry ? entry.value : Number.NaN);
      ordered &&= value === count;
      count++;
      total += value;
    }
    return { count, total, ordered };
  },
});

/** What a run may do to its process, and the reason or message that it must end with. */
export const POISONS = {
  exit: "task_killed",
  abort: "task_killed",
  timer: "thrown from a timer",
  rejection: "nobody awaits it",
  loop: "task_timeout",
  memory: "task_killed",
} as const;
export const poison = defineTask({
  name: "bench.poison",
  run: async (_ctx, kind: keyof typeof POISONS): Promise<void> => {
    if (kind === "exit") process.exit(0);
    if (kind === "abort") process.abort();
    if (kind === "timer")
      setTimeout(() => {
        throw new Error(POISONS.timer);
      }, 50);
    if (kind === "rejection") void Promise.reject(new Error(POISONS.rejection));
    if (kind === "loop") for (;;);
    if (kind === "memory")
      for (const eaten: unknown[] = []; ;) eaten.push(Array.from({ length: 1_000_000 }).fill(Math.random()));
    await pause(400);
  },
});

/** A moment on the clock that all processes of a machine share, in milliseconds since the epoch, with fractions. */
export const moment = (): number => performance.timeOrigin + performance.now();
export interface Stamp {
  readonly at: number;
  readonly pid: number;
}
/** Returns when it was called, and where. It does no work, so this is also when it ended. */
export const stamp = defineTask({ name: "bench.stamp", run: (): Stamp => ({ at: moment(), pid: process.pid }) });
/** Occupies a slot, and no processor. */
export const sleeper = defineTask({ name: "bench.sleeper", run: (_ctx, milliseconds: number) => pause(milliseconds) });
export interface Waited {
  readonly milliseconds: number;
  /** `true` when the last member and the callback ran in different processes. */
  readonly across: boolean;
}
/** The callback of a group of `stamp`. It returns how long after the last member it was called. */
export const sinceLast = defineTask({
  name: "bench.sinceLast",
  run: (_ctx, stamps: readonly Stamp[]): Waited => {
    const now = moment();
    const last = stamps.reduce((latest, each) => (each.at > latest.at ? each : latest));
    return { milliseconds: now - last.at, across: last.pid !== process.pid };
  },
});
