import type { Engine } from "../engine/contract.ts";
import type { LeaseKeeper } from "../host/lease-keeper.ts";
import { type Log, messageOf } from "../host/log.ts";
import { Repeating } from "./loop/repeating.ts";
import { TIMING } from "./settings.ts";

/** Starts the sweeper of one machine: a pass of the engine's sweep, again and again. */
export function startSweeper(engine: Pick<Engine, "sweep">, keeper: LeaseKeeper, log: Log): Repeating {
  const work = async (): Promise<void> => {
    // After a stall of this process, leases may have expired although their holders live.
    await keeper.renewDue();
    const { failed, error } = await engine.sweep();
    if (failed === 0) return;
    log("error", "runs that are due could not be sent; the next sweep tries again", {
      failed,
      cause: messageOf(error),
    });
  };
  return new Repeating({ name: "the sweep", firstMs: TIMING.firstSweepMs, everyMs: TIMING.sweepEveryMs, log, work });
}
