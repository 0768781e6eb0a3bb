import type { Canvas } from "../../functions/core/canvas/canvas.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import type { Processes } from "./processes.ts";
import { KINDS } from "./shared-work.ts";
import type { Simulation } from "./simulation.ts";

/** Schedules or removes a shared run, as a client does that has no job. */
export function touchSharedRun(sim: Simulation, processes: Processes): void {
  const { random, world, scheduler } = sim;
  const kind = random.int(KINDS);
  const { task, args = [], kwargs = {}, options = {} } = world.shared.dependency(kind, undefined);
  const canvas = { kind: "task", task, args, kwargs, options, immutable: true } as Canvas;
  const removes = random.chance(0.3);
  const ask = { retry: random.chance(0.3), queueNow: random.chance(0.7), deleteExtraDeps: random.chance(0.3) };
  scheduler.count(removes ? "removals" : "schedules");
  processes.background("client", async (engine) => {
    try {
      if (removes) await engine.forgetRun({ canvas });
      else world.tiers.scheduled.add((await engine.scheduleRun({ canvas, ...ask })).runId);
    } catch (error) {
      if (!(error instanceof FanfoldError && EXPECTED.includes(error.code))) throw error;
    }
  });
}
const EXPECTED = ["run_not_found", "run_not_ended"];
