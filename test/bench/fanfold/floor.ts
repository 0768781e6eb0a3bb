import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { withEngine } from "./engine.ts";
import { measureFanIn } from "./fan-in.ts";

/** Tasks that do nothing, per minute and CPU, below which a task system was held to be too slow to use; the upper of two bounds. */
const FLOOR_PER_MINUTE = 5_000;

/** A fan-in at the default level, as multiples of the floor: per second of CPU time that all processes used together. */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const line = await measureFanIn(context, engine);
    context.emit({ ...line, floorPerMinute: FLOOR_PER_MINUTE, timesFloor: round((line.perCpuSecond * 60) / FLOOR_PER_MINUTE) });
  });
