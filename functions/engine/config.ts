import type { NamedSchedule } from "../core/schedule/schedule.ts";

/** The settings of an engine. Times are in seconds unless the name says `Ms`. */
export interface EngineConfig {
  /** Site of queues that name none. */
  readonly site: string;
  /** The queues that exist, in full text form. When undefined, every queue does. */
  readonly queues: readonly string[] | undefined;
  /** Leaf width, and fan-out of each ledger level. Simulations use 2 and 3. */
  readonly width: number;
  readonly leaseSeconds: number;
  /** Bound of clock differences between processes. */
  readonly skewMarginSeconds: number;
  /**
   * Raised at each start of an embedded runtime, which ends the leases of earlier epochs. When undefined, leases end by
   * time alone.
   */
  readonly epoch: number | undefined;
  /**
   * What proves that a run killed its process: a takeover of a run that ran alone, or only `endHolder` of a supervisor.
   */
  readonly killEvidence: "takeover" | "supervisor";
  /** Number of kills, while it ran alone, after which a run is broken. */
  readonly maxKillsAlone: number;
  /** Time between two checks of a header by the sweeper. */
  readonly sweepSeconds: number;
  /** Age of a queued run at which the sweeper resends its message. Doubles with each resend. */
  readonly resendSeconds: number;
  /** Settles in one follow-up before the rest goes to the engine's queue. */
  readonly settleBudget: number;
  /** Runs that wait for one identity, and are ended by one message of the engine's queue. */
  readonly subscribersPerMessage: number;
  /** Seconds for which an identity is kept after its last start, unless a job needs it longer. */
  readonly identityRetentionSeconds: number;
  /** Milliseconds that ended runs wait for others, so that their marks become one write. */
  readonly followDelayMs: number;
  /** Milliseconds for which a header that was read as open may start runs without another read. With 0 each start reads. */
  readonly headerCacheMs: number;
  /** Milliseconds for which the list of pauses is remembered. So long after a pause runs may start. */
  readonly pauseCacheMs: number;
  /**
   * The most messages of each capped queue that are ready or in flight, by its full name. What would go beyond that
   * waits in the backlog of the queue. Undefined when no queue has a cap.
   */
  readonly caps: { readonly [queue: string]: number } | undefined;
  /** The most messages that a dispatcher sends in one turn of a job. By so many a queue may exceed its cap. */
  readonly messagesPerTurn: number;
  /** Milliseconds between two looks of a dispatcher at a queue whose backlog is not empty. */
  readonly dispatchMs: number;
  /** Milliseconds without a call after which a pass of a bulk task is over. */
  readonly passIdleMs: number;
  /** Members per expand message. */
  readonly expandRange: number;
  /** Most members of one leaf in one message. */
  readonly membersPerMessage: number;
  /** Most runs that are claimed and committed together. */
  readonly batchMembers: number;
  /** Milliseconds that one batch is meant to take, so slow runs are claimed one by one. */
  readonly batchMs: number;
  /**
   * Most steps that one message may run in place, one after the other, and the time after which it starts no further
   * one.
   */
  readonly inPlaceSteps: number;
  readonly inPlaceSeconds: number;
  /**
   * Group size above which a message carries several members. A smaller group has a message for each, so all workers
   * get some.
   */
  readonly packAbove: number;
  /**
   * Most members of a small group in one message, where their task is known to be quick. With 1 small groups are never
   * packed.
   */
  readonly quickPack: number;
  /** Pages of an open group that may be unfinished before its owner stops pulling items. */
  readonly openPages: number;
  /** Runs that a job may have once tasks spawn, theirs and those of its canvas. Infinity checks nothing. */
  readonly runsPerJob: number;
  /** Longest time for which a retry waits until code that a timed-out attempt left behind has ended. */
  readonly overlapGraceSeconds: number;
  readonly unknownTaskGraceSeconds: number;
  readonly defaultJobTimeoutSeconds: number;
  readonly maxJobTimeoutSeconds: number;
  readonly retentionSeconds: number;
  /** Longest time that a blocked streaming owner waits in its process before it yields its slot. */
  readonly yieldSeconds: number;
  /** Set only where tasks may be state machines. The names of their executions begin with `prefix`. */
  readonly executions: { readonly prefix: string } | undefined;
  /**
   * Sites whose work the configuration leaves parked (`process: false`), which the sweeper compares with the pauses.
   * Undefined in processes that do not know them.
   */
  readonly parkedSites: readonly string[] | undefined;
  /**
   * The schedules of the configuration, which the sweeper compares with the stored ones. Undefined in processes that do
   * not know them.
   */
  readonly schedules: readonly NamedSchedule[] | undefined;
}

/** Defaults for production; the embedded runtime and simulations override some (functions/embedded/settings.ts). */
export const DEFAULT_CONFIG: EngineConfig = {
  site: "local",
  queues: undefined,
  width: 256,
  leaseSeconds: 60,
  skewMarginSeconds: 5,
  epoch: undefined,
  killEvidence: "takeover",
  maxKillsAlone: 3,
  sweepSeconds: 60,
  resendSeconds: 120,
  settleBudget: 20,
  subscribersPerMessage: 128,
  identityRetentionSeconds: 90 * 86_400,
  followDelayMs: 50,
  headerCacheMs: 5_000,
  pauseCacheMs: 5_000,
  caps: undefined,
  messagesPerTurn: 16,
  dispatchMs: 1_000,
  passIdleMs: 5_000,
  expandRange: 4_096,
  membersPerMessage: 256,
  batchMembers: 64,
  batchMs: 25,
  inPlaceSteps: 50,
  inPlaceSeconds: 20,
  packAbove: 64,
  quickPack: 1,
  openPages: 64,
  runsPerJob: 10_000_000,
  overlapGraceSeconds: 10,
  unknownTaskGraceSeconds: 3_600,
  defaultJobTimeoutSeconds: 30 * 86_400,
  maxJobTimeoutSeconds: 365 * 86_400,
  retentionSeconds: 7 * 86_400,
  yieldSeconds: 10,
  executions: undefined,
  parkedSites: undefined,
  schedules: undefined,
};

/** Number of batches without rows for which one of them writes progress. */
export const ROWLESS_SAMPLE = 8;
