import * as z from "zod";
import { FanfoldError } from "../../core/errors.ts";
import type { Supervisor } from "../dependencies.ts";
import type { Engine, JobView } from "../../engine/contract.ts";

export const jobIdParam = z.string().max(2_000);
/** Ids of jobs are ULIDs and hashes. Ids of groups and runs begin with that of a job, and must not be taken for one. */
const JOB_ID = /^[0-9A-Za-z_-]{1,128}$/;

/**
 * Returns the job or throws `job_not_found`. With `supervisor` it also finds a job that was started and does not exist
 * yet.
 */
export async function requireJob(id: string, engine: Engine, supervisor?: Supervisor): Promise<JobView> {
  const job = JOB_ID.test(id) ? ((await engine.job(id)) ?? (await pendingJob(id, supervisor))) : undefined;
  if (job !== undefined) return job;
  throw new FanfoldError(
    "job_not_found",
    `there is no job ${id.slice(0, 200)}, or it has expired; GET /jobs lists the jobs`,
  );
}

async function pendingJob(jobId: string, supervisor: Supervisor | undefined): Promise<JobView | undefined> {
  const start = await supervisor?.pending(jobId);
  if (!start) return undefined;
  const { workflow, fields, startedAt, timeoutSeconds } = start;
  const times = { createdAt: startedAt, deadlineAt: startedAt + timeoutSeconds * 1_000 };
  return {
    jobId,
    workflow,
    parameters: fields,
    state: "pending",
    round: 0,
    ...times,
    counts: {},
    countsExact: false,
    planned: 0,
  };
}
