import type { Submitted } from "../../engine/contract.ts";

export function submittedResponse(job: Submitted): Response {
  return Response.json(job, { status: job.created ? 201 : 200, headers: { Location: `/jobs/${encodeURIComponent(job.jobId)}` } });
}
