import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { withEngine } from "./engine.ts";
import { measureFanIn } from "./fan-in.ts";

/**
 * Empty tasks per minute and CPU below which a task system was judged too slow to use. This is the upper of two bounds.
 */
const FLOOR_PER_MINUTE = 5_000;

/** Returns a fan-in at the default level as a multiple of the floor, per second of CPU time that all processes used. */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const line = await measureFanIn(context, engine);
    context.emit({
      ...line,
      floorPerMinute: FLOOR_PER_MINUTE,
      timesFloor: round((line.perCpuSecond * 60) / FLOOR_PER_MINUTE),
    });
  });
