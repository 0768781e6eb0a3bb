import type { CaseContext } from "../case.ts";
import type { Line } from "../report.ts";
import { percentile, round } from "../statistics.ts";
import { DURABILITY } from "./engine.ts";

/** Measures work that returns waits in milliseconds, and emits a line with their median and `more`. Returns the waits. */
export async function measureWaits(
  context: CaseContext,
  work: () => Promise<readonly number[]>,
  more: (waits: readonly number[]) => Partial<Line>,
): Promise<readonly number[]> {
  const { value, seconds, cpuSeconds, rssMb } = await context.measure(work);
  context.emit({
    bench: context.bench,
    engine: "fanfold",
    level: "default",
    n: context.n,
    seconds: round(seconds),
    cpuSeconds: round(cpuSeconds),
    rssMb: round(rssMb),
    p50Ms: round(percentile(value, 0.5)),
    ...more(value),
    durability: DURABILITY,
  });
  return value;
}
