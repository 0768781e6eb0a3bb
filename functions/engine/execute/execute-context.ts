import type { Context } from "../context.ts";
import type { Pace } from "./pace.ts";

/** What running members needs beside what every use case works with. */
export interface ExecuteContext extends Context {
  /** What this engine instance has seen of the speed of its tasks. */
  readonly pace: Pace;
}
