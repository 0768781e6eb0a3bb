import type { Engine } from "../engine/contract.ts";
import type { LeaseKeeper } from "../host/lease-keeper.ts";
import { type Log, messageOf } from "../host/log.ts";
import { Repeating } from "./loop/repeating.ts";
import { TIMING } from "./settings.ts";

export interface Sweeper {
  readonly repeating: Repeating;
  /** Makes the next pass take up all that was left begun, as the first pass of a start does. */
  sweepAll(): void;
}

/** Starts the sweeper of one machine: a pass of the engine's sweep, again and again. */
export function startSweeper(engine: Pick<Engine, "sweep">, keeper: LeaseKeeper, log: Log): Sweeper {
  let all = true;
  const pass = async (): ReturnType<Engine["sweep"]> => {
    const takesAll = all;
    all = false;
    try {
      return await engine.sweep({ all: takesAll });
    } catch (error) {
      all ||= takesAll;
      throw error;
    }
  };
  const work = async (): Promise<void> => {
    // After a stall of this process, leases may have expired although their holders live.
    await keeper.renewDue();
    const { failed, error } = await pass();
    if (failed === 0) return;
    log("error", "runs that are due could not be sent; the next sweep tries again", {
      failed,
      cause: messageOf(error),
    });
  };
  const timing = { firstMs: TIMING.firstSweepMs, everyMs: TIMING.sweepEveryMs };
  return {
    repeating: new Repeating({ name: "the sweep", ...timing, log, work }),
    sweepAll: () => {
      all = true;
    },
  };
}
