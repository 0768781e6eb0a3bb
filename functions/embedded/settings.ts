import { join } from "node:path";
import type { EngineConfig } from "../engine/config.ts";

/** Paths within the data folder. A runtime writes nowhere else. */
export interface DataFolders {
  readonly database: string;
  readonly blobs: string;
  /** Folder with a file for each runtime that holds the data folder or tries to. */
  readonly lock: string;
  /** Folder with a file for each worker process that has opened the database or is about to. */
  readonly workers: string;
  /** File with the number of starts of a runtime on this folder. */
  readonly epoch: string;
}
export function foldersOf(dataFolder: string): DataFolders {
  const inside = (name: string): string => join(dataFolder, name);
  return {
    database: inside("database"),
    blobs: inside("blobs"),
    lock: inside("lock"),
    workers: inside("workers"),
    epoch: inside("epoch"),
  };
}
/** Returns the path of a holder's permit to open the database, see open-permit.ts. No two holders share a name. */
export function permitOf(dataFolder: string, holder: string): string {
  return join(foldersOf(dataFolder).workers, `${holder}.permit`);
}

/**
 * Settings that differ on one machine from those of a cloud. All processes read one clock, and the parent sees its
 * workers die. Queues in the database lose no message, so the sweeper is only the last resort.
 */
export const EMBEDDED_CONFIG = {
  leaseSeconds: 10,
  skewMarginSeconds: 0,
  killEvidence: "supervisor",
  sweepSeconds: 10,
  resendSeconds: 300,
  // A read of the store costs less than a message, so nothing starts after a cancel was answered.
  headerCacheMs: 0,
  // Every start asks for pauses, and few processes ask.
  pauseCacheMs: 100,
  // A look at a queue costs a few reads of this machine's memory.
  dispatchMs: 100,
  passIdleMs: 1_000,
  // The parent learns from its workers which tasks are quick.
  quickPack: 16,
  // The store gathers the writes of concurrent runs by itself, so a delay would only add latency.
  followDelayMs: 0,
  // A page has up to 4,096 items. Items of open pages wait in this machine's memory and on its disk.
  openPages: 16,
} as const satisfies Partial<EngineConfig>;
/** Overrides of the engine's defaults that all processes of a runtime share. */
export type SharedConfig = Partial<EngineConfig> & Pick<EngineConfig, "leaseSeconds">;

export const TIMING = {
  /**
   * Seconds for which a received message stays invisible. Nothing extends them, because the end of every holder is
   * noticed. The parent gives a dead worker's messages back at once, and the next start gives back all of them.
   */
  visibilitySeconds: 12 * 3_600,
  /** Longest sleep of a loop before it reads its queues again without a wake. */
  pollMs: 1_000,
  /** Longest wait of a loop that expects no free slot, but has one, before it receives from another job. */
  freeSlotMs: 20,
  firstSweepMs: 500,
  sweepEveryMs: 5_000,
  firstExpiryMs: 60_000,
  expiryEveryMs: 600_000,
  memoryMs: 2_000,
  statisticsMs: 5_000,
  /** Pause between the reports of a worker on what it has counted. A killed one loses the last of them. */
  countsMs: 1_000,
  diskMs: 1_000,
  checkWorkersMs: 250,
  /** Time after the deadline of a run at which a worker that is still blocked is killed. */
  deadlineGraceMs: 500,
  /**
   * Checks in a row in which a worker may be blocked although it holds no run, or in which its thread may be silent.
   * They are not seconds, since a suspended machine is no reason to kill.
   */
  blockedChecks: 20,
  silentChecks: 120,
  /**
   * Time for which a task that has stalled a worker is left to the workers that are not standing in for one, and the
   * least time of such a stall. A busy machine causes shorter ones.
   */
  blockingTaskMs: 10_000,
  longStallMs: 1_000,
  /** Time after which a worker that is not ready is killed and started again. */
  startMs: 60_000,
  /** Time for which the first workers are ready before the others are started, where not all start at once. */
  growMs: 1_000,
  /** Lifetime, after it was ready, from which the end of a worker does not delay its restart. */
  settledMs: 10_000,
  firstRestartMs: 250,
  longestRestartMs: 10_000,
  /** Grace of a process that is worn, or a spare that is not needed any more. It may still run what it began. */
  retireSeconds: 7 * 24 * 3_600,
  /** Time beyond the grace of a stop in which a worker may close the database, before the parent kills it. */
  stopMarginMs: 5_000,
} as const;

/** Default number of slots of a worker. */
export const DEFAULT_CONCURRENCY = 32;
/** Control messages that the parent handles at once. */
export const CONTROL_MESSAGES = 16;
