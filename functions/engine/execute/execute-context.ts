import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { Reports } from "./member-reports.ts";
import type { Pace } from "./pace.ts";

/** The context of the use cases that run members. */
export interface ExecuteContext extends Context {
  /** What this engine instance has measured of the speed of its tasks. */
  readonly pace: Pace;
  /** The same with writes that wait while the store is unwritable (patient-context.ts). */
  readonly patient: ExecuteContext;
}

/** What the batches of one message share on their way through claim, attempt and commit. */
export interface MessageWork {
  readonly context: ExecuteContext;
  readonly header: Header;
  readonly loop: WorkerLoop;
  readonly reports: Reports;
}
