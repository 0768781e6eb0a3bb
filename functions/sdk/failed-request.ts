import type { Json, JsonObject } from "../core/json.ts";
import type { ErrorData } from "../core/task/invocation.ts";

/**
 * The request that an error link receives: that of the signature it hangs on. When the group before that signature
 * failed, the request is of a run that will never be.
 */
export interface FailedRequest {
  readonly runId: string;
  readonly jobId: string;
  /** 1 for the first attempt, 0 when the run never ran. */
  readonly attempt: number;
  /** Absent for a group. */
  readonly task?: string;
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly stamps?: JsonObject;
}
/** The error that an error link receives. `runId` names the run that failed first. */
export interface LinkedError extends ErrorData {
  readonly runId: string;
}
