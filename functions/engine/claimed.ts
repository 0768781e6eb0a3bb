import type { StopSignal } from "../core/stop-signal.ts";
import type { TaskInfo } from "../core/invocation.ts";
import type { TaskStep } from "../core/plan.ts";
import type { Header, Run } from "./items.ts";
import type { RunLog } from "./run-log.ts";

/** What an attempt works with between its claim and its one fenced commit. */
export interface Attempt {
  readonly header: Header;
  readonly run: Run;
  readonly step: TaskStep;
  readonly info: TaskInfo;
  readonly token: string;
  /** Nobody holds it by a claim: see thin.ts. */
  readonly thin?: boolean;
  readonly signal: StopSignal;
  readonly log: RunLog;
}
