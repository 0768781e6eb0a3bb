import { join } from "node:path";
import type { EngineConfig } from "../engine/config.ts";

/** Where things are within the data folder. Everything a runtime keeps is in there; nothing else is written. */
export interface DataFolders {
  readonly database: string;
  readonly blobs: string;
  /** Files of runtimes that hold, or try to get, the folder. */
  readonly lock: string;
  /** Files of worker processes that have, or are about to open, the database. */
  readonly workers: string;
  /** How often a runtime was started on this folder. */
  readonly epoch: string;
}
export function foldersOf(dataFolder: string): DataFolders {
  const inside = (name: string): string => join(dataFolder, name);
  return { database: inside("database"), blobs: inside("blobs"), lock: inside("lock"), workers: inside("workers"), epoch: inside("epoch") };
}
/** See open-permit.ts. Holders are never the same. */
export function doorOf(dataFolder: string, holder: string): string {
  return join(foldersOf(dataFolder).workers, `${holder}.door`);
}

/**
 * What one machine needs other than a cloud: all processes read one clock, the parent sees its workers die, and queues in the database lose
 * nothing, so the sweeper is only the last resort.
 */
export const EMBEDDED_CONFIG = {
  leaseSeconds: 10,
  skewMarginSeconds: 0,
  killEvidence: "supervisor",
  sweepSeconds: 10,
  resendSeconds: 300,
  // The store gathers the writes of concurrent runs by itself; waiting for more would only add latency.
  followDelayMs: 0,
  // A page has up to 4,096 items: what a stream has put and not finished waits in this machine's memory and on its disk.
  openPages: 16,
} as const satisfies Partial<EngineConfig>;
/** What the processes of a runtime share: overrides of the engine's defaults. */
export type SharedConfig = Partial<EngineConfig> & Pick<EngineConfig, "leaseSeconds">;

export const TIMING = {
  /**
   * How long a received message stays invisible. Nothing extends it, because nobody's end goes unnoticed: the parent gives a dead worker's
   * messages back at once, and the next start gives all of them back.
   */
  visibilitySeconds: 12 * 3_600,
  /** Behind the wakes: how long a loop sleeps at most before it looks at its queues again. */
  pollMs: 1_000,
  /** How long a loop that is full, but has a slot to spare, waits at most before it looks for another job. */
  spareSlotMs: 20,
  firstSweepMs: 500,
  sweepEveryMs: 5_000,
  firstExpiryMs: 60_000,
  expiryEveryMs: 600_000,
  memoryMs: 2_000,
  checkWorkersMs: 1_000,
  /** After its deadline a run may still take this long to end before its worker is asked whether it is alive. */
  deadlineGraceMs: 3_000,
  /** A worker that runs nothing is asked as well when it was silent for so long. */
  silenceMs: 30_000,
  /** Checks in a row that a worker may leave unanswered. Checks, not seconds: a machine that slept is no reason to kill anybody. */
  unansweredChecks: 4,
  /** A worker that has not started by then is killed and started again. */
  startMs: 60_000,
  /** A worker that lived this long after it was ready did not die of its start. */
  settledMs: 10_000,
  firstRestartMs: 250,
  longestRestartMs: 10_000,
  /** Beyond the grace of a stop: for closing the database before the parent ends the worker itself. */
  stopMarginMs: 5_000,
} as const;

/** Slots of a worker when nothing is said. */
export const DEFAULT_CONCURRENCY = 32;
/** Control messages the parent works on at once. */
export const CONTROL_MESSAGES = 16;
