import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { Pace } from "./pace.ts";
import type { Reports } from "./reports.ts";

/** What running members needs beside what every use case works with. */
export interface ExecuteContext extends Context {
  /** What this engine instance has seen of the speed of its tasks. */
  readonly pace: Pace;
}

/** Members of one message on their way through claim, attempt and commit. */
export interface Lanes {
  readonly context: ExecuteContext;
  readonly header: Header;
  readonly loop: WorkerLoop;
  readonly reports: Reports;
}
