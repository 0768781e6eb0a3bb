import type { TerminalStatus } from "../plan/run-state.ts";

/** What a task has done in a span of time. Approximate, like all statistics. */
export interface TaskFigures {
  /** Length of the span. */
  readonly seconds: number;
  /** Runs by the way they ended. A retry of a job counts its runs again. */
  readonly counts: { readonly [outcome in TerminalStatus]: number };
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  /** Attempts whose worker died, or lost its lease. */
  readonly killed: number;
  /** Runs that ended, by second. */
  readonly perSecond: number;
  /** Share of the runs that ended well, without cancelled ones. Absent when there are none. */
  readonly successRate?: number;
  /** Mean duration of an attempt. Absent when none has ended. */
  readonly meanSeconds?: number;
  /** How many attempts executed at once, on average. */
  readonly busy: number;
  /** Bytes of all results as JSON, and by run that ended well. The mean is absent when there are none. */
  readonly bytes: number;
  readonly meanBytes?: number;
}

/** What is added up of a task: runs by outcome, attempts and their milliseconds, and bytes of results. */
export type TaskNumbers = {
  [name in TerminalStatus | "retried" | "killed" | "attempts" | "ms" | "bytes"]: number;
};
/** What is added up of a queue: runs that ended, and messages that were handled. */
export interface QueueNumbers {
  runs: number;
  messages: number;
}

/** The statistics of one task, at one site if one was asked for. */
export interface TaskStatistics {
  readonly task: string;
  readonly site?: string;
  /** When the task was first counted, in milliseconds since the epoch. */
  readonly since: number;
  /** The present minute, and the four before. */
  readonly recent: TaskFigures;
  readonly life: TaskFigures;
}
/** How far a job is, and how long it takes at the speed that it had so far. */
export interface JobTimeLeft {
  readonly jobId: string;
  readonly state: string;
  /** Task runs that have ended, and those known so far. */
  readonly ended: number;
  readonly planned: number;
  readonly perSecond: number;
  /** Absent when nothing tells: no run has ended, or the job is paused. */
  readonly secondsLeft?: number;
}
/** A page of statistics, in the order of the names of the tasks. */
export interface StatisticsPage {
  readonly items: readonly TaskStatistics[];
  readonly cursor?: string;
  /** Says that every number was added up by the way. Only the counters of an ended job are exact. */
  readonly approximate: true;
  readonly job?: JobTimeLeft;
}
/** How fast a queue is worked off: the last five minutes. */
export interface QueueSpeed {
  /** Runs of the queue that ended, by second. */
  readonly runsPerSecond: number;
  /** Messages that were handled, by second. A message may carry many runs. */
  readonly messagesPerSecond: number;
  /** Processes that were seen to work for the queue. */
  readonly workers: number;
  /** Seconds until the ready messages are handled at this speed. Absent when that is unknown, and while paused. */
  readonly drainSeconds?: number;
}
/** One site, with what its queues do. */
export interface SiteView {
  readonly site: string;
  readonly queues: readonly string[];
  /** Processes that were seen to work for the site in the last five minutes. */
  readonly workers: number;
  /** Messages that wait in its queues, and those that were received. Absent when a depth is unknown. */
  readonly queued?: number;
  readonly inFlight?: number;
  /** Runs that hold a lease now. Only on one machine. */
  readonly started?: number;
  readonly runsPerSecond: number;
  readonly paused: boolean;
  /** Whether the configuration lets the site process its work. */
  readonly process: boolean;
}

/** Which statistics to read. */
export interface StatisticsFilter {
  readonly task?: string;
  /** Counts only what ran at this site. */
  readonly site?: string;
  /** Tells also how far this job is, and how long it takes. */
  readonly job?: string;
  /** Tasks of the page, 1 to 100. Default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}
