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

export const SWEEP_EVERY_MS = 15_000;
export const CALM_ROUNDS = 4_000;
/** Several times as many steps as the longest sound run took. */
export const CALM_STEPS = 60_000;
