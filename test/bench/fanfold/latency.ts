import { setTimeout as pause } from "node:timers/promises";
import { chord, group } from "../../../functions/sdk/index.ts";
import type { Case } from "../case.ts";
import { percentile, round } from "../statistics.ts";
import { DURABILITY, withEngine } from "./engine.ts";
import { sinceLast, stamp, type Waited } from "./tasks.ts";

const MEMBERS = 8;
/** Milliseconds between two chords, in which all work after the end of a job is done. */
const IDLE_MS = 10;
/**
 * Chords that are tried, as a multiple of `n`. The engine chooses the process of each callback, and `n` samples of both
 * kinds are needed.
 */
const MOST_TIMES_N = 10;

/**
 * Measures the time from the end of a group's last member to the call of its callback, on an idle engine. Takes `n`
 * samples within one process, and `n` across processes.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const { n } = context;
    const samples: Waited[] = [];
    const enough = (across: boolean): boolean => samples.filter((sample) => sample.across === across).length >= n;
    const { seconds, cpuSeconds, rssMb } = await context.measure(async () => {
      while (samples.length < MOST_TIMES_N * n && !(enough(true) && enough(false))) {
        // A callback on the members' queue starts where their last one ended. A callback on another queue starts where
        // a process receives its message.
        const callback = samples.length % 2 === 0 ? sinceLast.s() : sinceLast.s().set({ queue: "callbacks" });
        const canvas = chord(group(Array.from({ length: MEMBERS }, () => stamp.s())), callback);
        const { value } = await engine.ended(await engine.submit(canvas));
        samples.push(value as unknown as Waited);
        await pause(IDLE_MS);
      }
    });
    const within = samples.filter(({ across }) => !across);
    const across = samples.filter((sample) => sample.across);
    context.emit({
      bench: context.bench,
      engine: "fanfold",
      level: "default",
      n: samples.length,
      seconds: round(seconds),
      cpuSeconds: round(cpuSeconds),
      rssMb: round(rssMb),
      members: MEMBERS,
      ...quantiles("", samples),
      samplesWithin: within.length,
      ...quantiles("Within", within),
      samplesAcross: across.length,
      ...quantiles("Across", across),
      durability: DURABILITY,
    });
  });
function quantiles(name: string, samples: readonly Waited[]): Record<string, number> {
  if (samples.length === 0) return {};
  const times = samples.map(({ milliseconds }) => milliseconds);
  return { [`p50${name}Ms`]: round(percentile(times, 0.5)), [`p99${name}Ms`]: round(percentile(times, 0.99)) };
}
