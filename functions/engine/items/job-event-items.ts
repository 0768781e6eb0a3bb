import type { RunStatus } from "../../core/plan/run-state.ts";
import type { EndState, Owned, RunError } from "../item-kinds.ts";
import type { Item } from "../ports.ts";

/** A change of state, or a failure, in the course of a job. `at` is in milliseconds since the epoch. */
export interface JobEventAttributes extends Owned {
  readonly at: number;
  readonly kind: "state" | "failure" | "retried";
  /** Set only on `retried`. The round that began. */
  readonly round?: number;
  readonly state?: "started" | EndState;
  readonly runId?: string;
  readonly status?: RunStatus;
  readonly task?: string;
  readonly error?: RunError;
}
export const asJobEvent = (item: Item): JobEventAttributes => item.attributes as unknown as JobEventAttributes;
