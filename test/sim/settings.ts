import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Faults } from "./faults.ts";
import type { Random } from "./random.ts";
import type { FaultRates } from "./scheduler.ts";

/** Clock skew in simulated seconds. */
const SKEW_SECONDS = 1;
/** Differs from the other bound of a pause, which is that of headers. */
const PAUSE_CACHE_MS = 2_000;

/** So small that most groups wait for room, and several dispatchers have something to do. */
const BACKLOG_CONFIG = {
  caps: { "local.default#worker": 2, "paris.high#worker": 1 },
  messagesPerTurn: 1,
  dispatchMs: 700,
};

const BULK_CONFIG = { dispatchMs: 700, passIdleMs: 1_500 };

/** Parameters that differ from seed to seed, beside the schedule itself. */
export interface Settings {
  readonly config: Partial<EngineConfig>;
  /** Runs all processes on one machine. They share a clock and die together, and each restart begins an epoch. */
  readonly machine: boolean;
  readonly skewMs: number;
  readonly workers: number;
  readonly slots: number;
  /**
   * Milliseconds, shorter than a lease. A lease may also be shorter than user code. Both are legal, and reveal
   * mistakes.
   */
  readonly visibilityMs: number;
  /** Chance per step that time jumps by seconds. */
  readonly jumpRate: number;
  /** Chance per step that some worker sends a heartbeat. */
  readonly beatRate: number;
  /** The most by which user code multiplies the steps of its script. */
  readonly slowness: number;
  readonly rates: FaultRates;
  readonly lossRate: number;
  readonly maxDelaySeconds: number;
  /** Receives after which a message is given up. */
  readonly maxReceives: number;
  /** Chance that the handling of a message fails as long as the storm lasts. */
  readonly poisonRate: number;
}

/** Returns settings for these faults. Without a sweeper nobody sends what is due after the delay of a message. */
export function settingsFor(random: Random, { sweeper, crashes, immortal, backlog, bulk }: Faults): Settings {
  const base = randomSettings(random);
  const any = bulk ? { ...base, config: { ...base.config, ...BULK_CONFIG } } : base;
  const drawn = backlog ? { ...any, config: { ...any.config, ...BACKLOG_CONFIG } } : any;
  const settings = immortal ? { ...drawn, machine: false, rates: { ...drawn.rates, kill: 0 } } : drawn;
  const swept = sweeper === undefined ? settings : { ...settings, maxDelaySeconds: 900 };
  if (!crashes) return swept;
  return {
    ...swept,
    machine: true,
    skewMs: 0,
    rates: { ...settings.rates, kill: 0 },
    config: { ...settings.config, skewMarginSeconds: 0, killEvidence: "supervisor" },
  };
}
function randomSettings(random: Random): Settings {
  const machine = random.chance(0.25);
  const leaseSeconds = random.pick([5, 9, 14]);
  return {
    machine,
    skewMs: machine ? 0 : SKEW_SECONDS * 1_000,
    workers: 2 + random.int(3),
    slots: 1 + random.int(3),
    visibilityMs: 1_000 * (2 + random.int(leaseSeconds - 3)),
    jumpRate: random.pick([0.008, 0.015, 0.03]),
    beatRate: random.pick([0.01, 0.04]),
    slowness: random.pick([1, 1, 3]),
    lossRate: 0.004,
    maxDelaySeconds: random.chance(0.7) ? 900 : 15,
    maxReceives: random.pick([3, 6, 20, Number.POSITIVE_INFINITY]),
    poisonRate: random.pick([0, 0, 0.01, 0.05]),
    rates: {
      throttled: 0.015,
      lostResponse: 0.025,
      toldAmbiguous: 0.15,
      kill: random.pick([0, 0.001, 0.004, 0.01]),
      slow: random.pick([0, 0.02, 0.08]),
    },
    config: {
      width: random.pick([2, 2, 3, 3, 5]),
      // Its jobs are small, and a check would only add reads.
      runsPerJob: Number.POSITIVE_INFINITY,
      leaseSeconds,
      skewMarginSeconds: machine ? 0 : 2 * SKEW_SECONDS,
      killEvidence: machine || random.chance(0.2) ? "supervisor" : "takeover",
      maxKillsAlone: 3,
      sweepSeconds: 10 + random.int(15),
      resendSeconds: 15 + random.int(15),
      settleBudget: 1 + random.int(4),
      subscribersPerMessage: 2,
      followDelayMs: random.pick([0, 50, 2_000]),
      headerCacheMs: random.pick([0, 5_000]),
      pauseCacheMs: PAUSE_CACHE_MS,
      expandRange: 1 + random.int(3),
      membersPerMessage: random.pick([1, 2, 3, 5]),
      batchMembers: random.pick([1, 3, 5]),
      // With 60 s, batches end long before they are late. With 1 or 50 ms, late batches are given up.
      batchMs: random.pick([1, 50, 60_000, 60_000]),
      inPlaceSteps: random.pick([0, 1, 50]),
      inPlaceSeconds: random.pick([5, 60]),
      packAbove: 1,
      openPages: 2,
      unknownTaskGraceSeconds: 60,
      yieldSeconds: 3 + random.int(10),
      executions: { prefix: "sim" },
    },
  };
}
