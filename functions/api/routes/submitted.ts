import type { Submitted } from "../../engine/contract.ts";
import { invalid } from "../route.ts";

/** Returns the answer to a start. */
export function submittedResponse(job: Submitted): Response {
  return Response.json(job, {
    status: job.created ? 201 : 200,
    headers: { Location: `/jobs/${encodeURIComponent(job.jobId)}` },
  });
}

/** Returns whether the caller wants an estimate instead of a start. */
export function readPlanQuery({
  plan,
  secondsPerTask,
}: {
  readonly plan: boolean;
  readonly secondsPerTask?: number | undefined;
}): boolean {
  if (!plan && secondsPerTask !== undefined) throw invalid("?secondsPerTask", "?secondsPerTask belongs to ?plan");
  return plan;
}
