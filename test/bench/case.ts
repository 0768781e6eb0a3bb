import type { Line } from "./report.ts";
import type { Usage } from "./process-tree.ts";

/** What one process measures. It is plain data, because it is passed to a process of its own. */
export interface CaseRequest {
  readonly bench: string;
  readonly engine: string;
  /** Undefined for the default of the engine. */
  readonly level?: string;
  /** Size of the work. Its unit depends on the benchmark. */
  readonly n: number;
  /** An empty folder, which is removed afterwards. */
  readonly folder: string;
}
export interface Measured<T> extends Usage {
  readonly value: T;
  readonly seconds: number;
}
export interface CaseContext extends CaseRequest {
  /** Measures the time of some work, and the CPU time and memory of this process and its descendants meanwhile. */
  readonly measure: <T>(work: () => Promise<T>) => Promise<Measured<T>>;
  readonly emit: (line: Line) => void;
}
export type Case = (context: CaseContext) => Promise<void>;

/** Messages between the process of a case and the one that started and watches it. */
export type FromCase =
  | { readonly kind: "begin" }
  | { readonly kind: "end" }
  | { readonly kind: "line"; readonly line: Line }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };
export type ToCase = { readonly kind: "watching" } | { readonly kind: "usage"; readonly usage: Usage };
/**
 * Members of the group that warms up each engine in the same way, so code is compiled and queues exist before the
 * measurement.
 */
export const WARM_UP = 10_000;
