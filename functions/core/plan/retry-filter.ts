import type { StampFilter } from "./stamps.ts";

/** Which failed runs a retry takes. Every part that is given must hold. */
export interface RetryFilter {
  readonly tasks?: readonly string[];
  /** The reasons of errors, or the names of errors without a reason. */
  readonly reasons?: readonly string[];
  readonly statuses?: readonly ("error" | "broken" | "cancelled")[];
  /** Runs that carry one of the values of one of these stamps. */
  readonly stamps?: StampFilter;
  /** Ids of runs or groups. Everything below them is meant. */
  readonly runIds?: readonly string[];
  /** Milliseconds since the epoch between which the runs ended. */
  readonly endedAfter?: number;
  readonly endedBefore?: number;
}
