import type { Faults } from "./faults.ts";

export interface SimulationOptions {
  readonly faults?: Faults;
  /** The most jobs that run at the same time. */
  readonly jobs?: number;
  readonly trace?: (line: string) => void;
}
export interface Violation {
  readonly kind: string;
  readonly detail: string;
}
