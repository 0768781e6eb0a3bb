import type { RunRef } from "../core/plan/run-id.ts";

/** Runs of one group that this process executes in turn, all claimed under one token. */
export interface HeldRuns {
  readonly token: string;
  readonly task: string;
  readonly gid: string;
  readonly stepIndex: number;
  readonly members: readonly number[];
  /** Of each member. */
  readonly attempts: readonly number[];
  /** Milliseconds since the epoch at which all must be over. */
  readonly deadline: number;
  /** They have no lease that could be renewed: only whether they are still wanted is asked. */
  readonly unclaimed?: boolean;
}
/** One of them: what a heartbeat needs. */
export interface Claim extends RunRef {
  readonly runId: string;
  readonly token: string;
  readonly attempt: number;
  readonly task: string;
  readonly unclaimed: boolean;
}
/** `lost`: another holder, or the row has ended; `cancelled`: a group above has decided. Both abort the user's code. */
export type HeartbeatOutcome = "kept" | "lost" | "cancelled";

export interface Hold {
  /** User code runs only after this: somebody who outlives a blocked process knows of the claims. undefined: it may run now. */
  readonly ready: Promise<void> | undefined;
  /** Only these go on: what the others held is theirs no more, or has been given back. */
  narrow(runs: HeldRuns): void;
  release(): void;
}
/** `runId` undefined: all of them. */
export type Abort = (reason: AbortReason, runId?: string) => void;

/** Why an attempt is stopped; `stopped`: the process is about to end, which is held against nobody: the run is given back at once. */
export type AbortReason = "lost" | "cancelled" | "deadline" | "stopped";

/**
 * What the loop that drives the engine gives it for one message. The loop owns timers: it calls `heartbeat` for what `hold` named, every third of
 * a lease, extends the message's visibility with it, and aborts through the returned controller.
 */
export interface WorkerLoop {
  /** Waits for a free slot. `alone`: the run was taken over from a dead holder and runs with nothing else beside it in this process. */
  takeSlot(alone: boolean): Promise<{ release(): void }>;
  /** A slot that is free and that nobody waits for; undefined: there is none. */
  tryTakeSlot(): { release(): void } | undefined;
  /**
   * They are held from now until `release`; `abort` is called by the loop for one of them when a heartbeat of its claim says so, for all at the deadline, or when the
   * process must stop. Of one that has ended meanwhile it means nothing.
   */
  hold(runs: HeldRuns, abort: Abort): Hold;
  /** Of a process that must end: the longest attempt it can give, and when (milliseconds since the epoch) it stops what runs. Absent: it goes on. */
  readonly limit?: { readonly seconds: number; readonly at: number };
}
