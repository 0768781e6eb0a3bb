import type { Line } from "./report.ts";
import type { Usage } from "./process-tree.ts";

/** What one process measures: plain data, for it is handed to a process of its own. */
export interface CaseRequest {
  readonly bench: string;
  readonly engine: string;
  /** undefined: whatever the engine does when nothing is said. */
  readonly level?: string;
  /** What it counts depends on the benchmark. */
  readonly n: number;
  /** Empty; removed afterwards. */
  readonly folder: string;
}
export interface Measured<T> extends Usage {
  readonly value: T;
  readonly seconds: number;
}
export interface CaseContext extends CaseRequest {
  /** Time, and CPU time and memory of this process and of all that it started, while the work goes on. */
  readonly measure: <T>(work: () => Promise<T>) => Promise<Measured<T>>;
  readonly emit: (line: Line) => void;
}
export type Case = (context: CaseContext) => Promise<void>;

/** Between the process of a case and the one that started and watches it. */
export type FromCase =
  | { readonly kind: "begin" }
  | { readonly kind: "end" }
  | { readonly kind: "line"; readonly line: Line }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };
export type ToCase = { readonly kind: "watching" } | { readonly kind: "usage"; readonly usage: Usage };
/** Members of the group that is run, as it will be measured, before anything is: code is compiled, queues exist. The same for engines that compile while they run. */
export const WARM_UP = 10_000;
