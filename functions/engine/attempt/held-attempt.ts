import { FanfoldError } from "../../core/errors.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { TaskInfo } from "../../core/task/invocation.ts";
import { LazySignal, type StopSignal } from "../../core/task/stop-signal.ts";
import type { Header, Run } from "../item-kinds.ts";
import { RunLog } from "../items/run-log.ts";
import type { AbortReason } from "../worker-loop.ts";

/** What an attempt works with between its claim and its one fenced commit. */
export interface Attempt {
  readonly header: Header;
  readonly run: Run;
  readonly step: TaskStep;
  readonly info: TaskInfo;
  readonly token: string;
  /** Nobody holds it by a claim: see thin.ts. */
  readonly unclaimed?: boolean;
  readonly signal: StopSignal;
  readonly log: RunLog;
}

/** A claimed run in this process, while its user code runs and until its commit is through. */
export class LiveAttempt implements Attempt {
  readonly header: Header;
  readonly run: Run;
  readonly step: TaskStep;
  readonly info: TaskInfo;
  readonly token: string;
  readonly unclaimed: boolean;
  /** Milliseconds since the epoch at which it must be over. */
  readonly deadline: number;
  readonly signal = new LazySignal();
  readonly log = new RunLog();
  #aborted: AbortReason | undefined;
  readonly #timeoutSeconds: number;

  constructor(of: Omit<Attempt, "signal" | "log"> & { readonly deadline: number; readonly timeoutSeconds: number }) {
    this.header = of.header;
    this.run = of.run;
    this.step = of.step;
    this.info = of.info;
    this.token = of.token;
    this.unclaimed = of.unclaimed ?? false;
    this.deadline = of.deadline;
    this.#timeoutSeconds = of.timeoutSeconds;
  }
  /** Why it is to stop; the first reason stays. */
  get aborted(): AbortReason | undefined {
    return this.#aborted;
  }
  abort(reason: AbortReason): void {
    this.#aborted ??= reason;
    this.signal.abort(abortError(reason, this.#timeoutSeconds));
  }
}
function abortError(why: AbortReason, timeoutSeconds: number): Error {
  switch (why) {
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
