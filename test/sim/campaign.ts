import { ScheduleSimulation } from "./schedule-simulation.ts";
import { Simulation } from "./simulation.ts";
import { VARIANTS } from "./variants.ts";
import type { Violation } from "./simulation-options.ts";

/** The settings for a range of seeds. They are plain data, because they travel to worker processes. */
export interface Batch {
  readonly from: number;
  readonly runs: number;
  /** Undefined for the recommended protocol. */
  readonly variant?: string;
  readonly noSweep?: boolean;
  readonly jobs?: number;
  /** Ends at the first seed with a violation. */
  readonly untilCaught?: boolean;
}
export interface Caught extends Violation {
  readonly seed: number;
}
export interface Tally {
  runs: number;
  steps: number;
  readonly caught: Caught[];
  readonly stats: { [name: string]: number };
}
export const emptyTally = (): Tally => ({ runs: 0, steps: 0, caught: [], stats: {} });

export function addTally(sum: Tally, more: Tally): void {
  sum.runs += more.runs;
  sum.steps += more.steps;
  sum.caught.push(...more.caught);
  for (const [name, count] of Object.entries(more.stats)) sum.stats[name] = (sum.stats[name] ?? 0) + count;
}

/** Runs one seed. An exception counts as a violation too. */
export async function runSeed(
  seed: number,
  { variant, noSweep, jobs }: Pick<Batch, "variant" | "noSweep" | "jobs">,
  trace?: (line: string) => void,
): Promise<Pick<Simulation, "violations" | "scheduler">> {
  const given = variant === undefined ? {} : VARIANTS[variant]?.faults;
  if (!given) throw new Error(`unknown variant ${variant}: one of ${Object.keys(VARIANTS).join(", ")}`);
  const faults = noSweep ? { ...given, sweeper: false as const } : given;
  const options = { faults, ...(jobs !== undefined && { jobs }), ...(trace && { trace }) };
  const simulation = faults.schedules ? new ScheduleSimulation(seed, options) : new Simulation(seed, options);
  const unhandled = (error: unknown): void =>
    simulation.bad("unhandled-rejection", String((error as Error)?.stack ?? error));
  process.on("unhandledRejection", unhandled);
  try {
    await simulation.run();
    // Node reports unhandled rejections only after the current macrotask.
    await new Promise((resolve) => setImmediate(resolve));
  } catch (error) {
    simulation.bad("simulation-threw", String((error as Error)?.stack ?? error));
  } finally {
    process.off("unhandledRejection", unhandled);
  }
  return simulation;
}

export async function runBatch(batch: Batch): Promise<Tally> {
  const tally = emptyTally();
  for (let seed = batch.from; seed < batch.from + batch.runs; seed++) {
    const simulation = await runSeed(seed, batch);
    tally.runs++;
    tally.steps += simulation.scheduler.steps;
    for (const [name, count] of simulation.scheduler.stats) tally.stats[name] = (tally.stats[name] ?? 0) + count;
    const [first] = simulation.violations;
    if (first) tally.caught.push({ seed, ...first });
    if (first && batch.untilCaught) break;
  }
  return tally;
}
