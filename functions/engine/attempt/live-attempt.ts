import { FanfoldError } from "../../core/errors.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { ReportStream, TaskInfo } from "../../core/task/invocation.ts";
import { LazySignal, type StopSignal } from "../../core/task/stop-signal.ts";
import type { Header, Run } from "../item-kinds.ts";
import type { Edge } from "../items/edge-items.ts";
import type { StoredStream } from "../items/report-items.ts";
import { RunLog } from "../items/run-log.ts";
import type { AbortReason } from "../worker-loop.ts";

/** The stream of reports that code of an attempt has opened. */
export interface OpenedReports extends ReportStream {
  /** Whether this attempt has stored a page. */
  readonly progressed: boolean;
  /** Ends the stream. Returns what is stored, or undefined when a later attempt has the stream. */
  close(): Promise<StoredStream | undefined>;
}
/** What an attempt works with between its claim and its one fenced commit. */
export interface Attempt {
  readonly header: Header;
  readonly run: Run;
  readonly step: TaskStep;
  readonly info: TaskInfo;
  readonly token: string;
  /** Set when the run has no claim (unclaimed.ts). */
  readonly unclaimed?: boolean;
  readonly signal: StopSignal;
  readonly log: RunLog;
  /** Code that goes on although the outcome of the attempt is known. */
  readonly left?: Promise<unknown> | undefined;
  /** When the commit must be written, in milliseconds since the epoch. Set only in a process that must end. */
  readonly commitBy?: number | undefined;
  /** Size of its value as JSON, once that was measured. */
  bytes?: number | undefined;
}

/** An attempt in this process, from the start of its user code until its commit is written. */
export class LiveAttempt implements Attempt {
  readonly header: Header;
  readonly run: Run;
  readonly step: TaskStep;
  readonly info: TaskInfo;
  readonly token: string;
  readonly unclaimed: boolean;
  /** Milliseconds since the epoch at which the attempt must have ended. */
  readonly deadline: number;
  readonly commitBy: number | undefined;
  left: Promise<unknown> | undefined;
  bytes: number | undefined;
  readonly signal = new LazySignal();
  readonly log = new RunLog();
  /** What the attempt has depended on so far, by name. */
  readonly edges = new Map<string, Edge>();
  /** The stream of reports, once code has asked for it. `closed` once the outcome of the attempt is known. */
  reports: Promise<OpenedReports> | "closed" | undefined;
  /** Versions of all tasks upstream that the ends which it has consumed were made with. */
  readonly closure = new Map<string, number>();
  #aborted: AbortReason | undefined;
  readonly #timeoutSeconds: number;

  constructor(
    init: Omit<Attempt, "signal" | "log" | "left" | "bytes"> & {
      readonly deadline: number;
      readonly timeoutSeconds: number;
    },
  ) {
    this.header = init.header;
    this.run = init.run;
    this.step = init.step;
    this.info = init.info;
    this.token = init.token;
    this.unclaimed = init.unclaimed ?? false;
    this.deadline = init.deadline;
    this.commitBy = init.commitBy;
    this.#timeoutSeconds = init.timeoutSeconds;
  }
  /** The first reason for which the attempt was aborted. Absent while there is none. */
  get aborted(): AbortReason | undefined {
    return this.#aborted;
  }
  abort(reason: AbortReason): void {
    this.#aborted ??= reason;
    this.signal.abort(abortError(reason, this.#timeoutSeconds));
  }
}
function abortError(reason: AbortReason, timeoutSeconds: number): Error {
  switch (reason) {
    case "deadline":
      return new FanfoldError("task_timeout", `the task ran longer than its ${timeoutSeconds} s`, { retryable: true });
    case "cancelled":
      return new FanfoldError("lease_lost", "the job, or a group above this run, has ended: stop");
    case "lost":
      return new FanfoldError("lease_lost", "another worker has taken this run over: stop");
    case "stopped":
      return new FanfoldError("lease_lost", "the worker is about to end; the run starts again elsewhere: stop");
  }
}
