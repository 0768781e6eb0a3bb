import { setTimeout as pause } from "node:timers/promises";
import { METRIC_DIMENSIONS, METRICS } from "../../functions/core/names/metric-names.ts";
import { logGroups } from "../../infra/local/logs.ts";
import { logLines } from "./logs.ts";
import { PREFIX } from "./names.ts";

/**
 * Counts of the ports by metric, summed over the invocations of all functions. The sweeper is left out, because it runs
 * by the clock.
 */
export type Counted = Readonly<Record<string, number>>;

/** Looks in a row, a second apart, that find no more. A function on a busy machine writes its counts late. */
const SAME_LOOKS = 4;

/** Waits until the functions count no more, and returns their counts. */
export async function quiet(since = Date.now() - 60_000): Promise<Counted> {
  let before = await countedSince(since);
  let same = 0;
  for (let looks = 0; looks < 60; looks++) {
    await pause(1_000);
    const now = await countedSince(since);
    same = now[METRICS.messages] === before[METRICS.messages] ? same + 1 : 0;
    if (same === SAME_LOOKS) return now;
    before = now;
  }
  throw new Error("the functions do not come to rest");
}

/** Sums the metrics that the functions have written into their logs since `time`. */
async function countedSince(time: number): Promise<Counted> {
  const sum: Record<string, number> = {};
  for (const group of (await logGroups(`/aws/lambda/${PREFIX}-`)).keys()) {
    if (group.endsWith("-sweeper")) continue;
    for (const line of await logLines(group, time)) {
      const metrics = metricsIn(line);
      for (const name of Object.values(METRICS))
        sum[name] = (sum[name] ?? 0) + (typeof metrics[name] === "number" ? metrics[name] : 0);
    }
  }
  return sum;
}
function metricsIn(line: string): Readonly<Record<string, unknown>> {
  if (!line.includes(`"${METRIC_DIMENSIONS[0]}"`)) return {};
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
