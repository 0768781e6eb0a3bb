import type { Json } from "../core/json.ts";
import type { RunRef } from "../core/plan/run-id.ts";

/** Runs of one group and step. */
export interface HeldMembers {
  readonly gid: string;
  readonly stepIndex: number;
  readonly members: readonly number[];
  /** The attempt of each member, in the order of `members`. */
  readonly attempts: readonly number[];
}
/** Runs that this process executes one after the other or, of a bulk task, in one call. One token has claimed them all. */
export interface HeldRuns extends HeldMembers {
  readonly token: string;
  readonly task: string;
  /** The queue of their step. */
  readonly queue: string;
  /** Set for a bulk call, whose runs execute together: those of further groups. */
  readonly together?: readonly HeldMembers[];
  /** Milliseconds since the epoch at which all runs are aborted. */
  readonly deadline: number;
  /** Set when the runs have no lease to renew. A heartbeat then only checks whether they were cancelled. */
  readonly unclaimed?: boolean;
  /** The delivery that named the runs, where the host keeps it. */
  readonly delivery?: string;
}
/** One held run, as a heartbeat needs it. */
export interface Claim extends RunRef {
  readonly runId: string;
  readonly token: string;
  readonly attempt: number;
  readonly task: string;
  readonly queue: string;
  readonly unclaimed: boolean;
  /** Set for a run of a bulk call. The others with its token execute in the same call. */
  readonly together?: true;
}
/**
 * `lost`: another worker holds the run, or it has ended. `cancelled`: a group above has decided. Both abort the user's
 * code.
 */
export type HeartbeatOutcome = "kept" | "lost" | "cancelled";

/** What a supervisor knows of the end of a process that held claims. */
export interface HolderEnd {
  readonly claims: readonly Claim[];
  /** The claims whose user code occupied the process when it ended. Absent when that is unknown: it may be any claim. */
  readonly culprits?: readonly Claim[];
  /**
   * `died`: the process ended by itself. `timeout`: the supervisor killed it, because the culprits were past their
   * deadline and blocked it. `blocked`: the supervisor killed it for the sake of others, and no culprit was too late.
   */
  readonly why: "died" | "timeout" | "blocked";
  /** What it has received and not begun. */
  readonly unbegun?: {
    readonly messages: readonly Json[];
    /** Tokens of all claims that the supervisor knows of. Runs of these messages with another token have not begun. */
    readonly tokens: ReadonlySet<string>;
  };
}

export interface Hold {
  /**
   * Resolves once a supervisor that outlives a blocked process knows of the claims. User code runs only then; when
   * undefined, at once.
   */
  readonly ready: Promise<void> | undefined;
  /**
   * Called before user code of each run. Returns a promise when this process could not go on for a while. Its supervisor
   * may have returned the runs then, and the promise resolves after those are aborted.
   */
  readonly begin?: () => Promise<void> | undefined;
  /** Keeps only these runs. The others have been lost or returned. */
  narrow(runs: HeldRuns): void;
  release(): void;
}
/** Aborts one run, or all runs of the hold when `runId` is undefined. */
export type Abort = (reason: AbortReason, runId?: string) => void;

/**
 * Why an attempt is aborted. `stopped`: the process is about to end, so the run is returned at once and counts as no
 * failure.
 */
export type AbortReason = "lost" | "cancelled" | "deadline" | "stopped";

/**
 * What the loop that drives the engine offers it for one message. The loop owns the timers. Every third of a lease it
 * calls `heartbeat` for the held runs, and extends the visibility of the message. It aborts runs through `abort`.
 */
export interface WorkerLoop {
  /**
   * Waits for a free slot for a run of this task. Throws when this process must not run it; another one will. With `alone`, the run was taken over from a dead holder, and this process runs nothing
   * beside it.
   */
  takeSlot(alone: boolean, task: string): Promise<{ release(): void }>;
  /** Returns a slot that is free and for which no other run waits; undefined when there is none. */
  tryTakeSlot(task: string): { release(): void } | undefined;
  /**
   * Holds runs from now until `release`. The loop calls `abort` for one run when its heartbeat says so, and for all at
   * the deadline or when the process must stop. An abort of a run that has ended is ignored.
   */
  hold(runs: HeldRuns, abort: Abort): Hold;
  /**
   * Set only for a process that must end. `seconds` is the longest attempt that it can run, `at` when it aborts what
   * runs (milliseconds since the epoch).
   */
  readonly limit?: { readonly seconds: number; readonly at: number };
}
