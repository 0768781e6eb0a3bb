import type { FailurePolicy, Tracking } from "../canvas/canvas.ts";
import type { ErrorData } from "../task/invocation.ts";
import type { ItemCounts } from "../task/item-counts.ts";
import type { Counts } from "./counts.ts";

/** A group of a job: how far its members are, and what follows. */
export interface GroupView {
  readonly groupId: string;
  readonly jobId: string;
  /** `open` until the group has decided, then how it did. */
  readonly state: "open" | "complete" | "failed" | "cancelled" | "timeout" | "dropped";
  readonly round: number;
  readonly createdAt: number;
  /** Members. Absent while their number is unknown: as long as a task streams them, or input comes in. */
  readonly total?: number;
  /** Members that have not ended. Absent without `total`. */
  readonly remaining?: number;
  /** Members that failed. */
  readonly failed: number;
  /** Ended runs by state, with those below members that have ended. */
  readonly counts: Counts;
  /** Unset when more runs may have ended than were counted: of a very big group, or of one that decided early. */
  readonly countsExact: boolean;
  /** Items of path tasks, by the state in which the last step of their member left them. Absent when none were counted. */
  readonly items?: ItemCounts;
  readonly policy: FailurePolicy;
  readonly tracking: Tracking;
  /** The run that waits for the group, or whose links are in it. Absent on the root of a job. */
  readonly ownerRunId?: string;
  /** The run that follows once the group has completed. */
  readonly callbackRunId?: string;
  /** The error of the run that failed first. */
  readonly firstError?: ErrorData & { readonly runId: string };
  /** Seconds after its end for which the group can be read. */
  readonly ttlSeconds?: number;
  /** When the ended group can be read no more. A group that goes on does not expire. */
  readonly expiresAt?: number;
}
