import * as z from "zod";
import { jobIdOf, ownerOf, parseRunId } from "../../core/plan/run-id.ts";
import type { RetryFilter, RetryRequest } from "../../engine/contract.ts";
import { definedOf } from "../defined-of.ts";
import type { Dependencies } from "../dependencies.ts";
import {
  retriedJobs,
  retriedOrPreview,
  retryAllBody,
  retryAllForms,
  retryBody,
  retryRunBody,
} from "../retry-schemas.ts";
import { type Call, invalid, route } from "../route.ts";
import { jobIdParam, requireJob } from "./job-id.ts";
import { notFound, runIdParam } from "./runs.ts";

/** The root header of a job keeps what its round retries, so the body is small. */
const MOST_BYTES = 16 * 1_024;
const REPLIES = {
  200: { description: "The round that began; with `dryRun`, what would run again", schema: retriedOrPreview },
};

export const retryRoutes = [
  route({
    method: "POST",
    path: "/jobs/{id}/retry",
    operation: "retryJob",
    summary: "Retry what failed in an ended job, in place; durable once answered",
    description:
      "Without a body everything that failed runs again, and so do the steps that had consumed it. What succeeded keeps its result. " +
      "Every field of the filter that is given must match. The same Idempotency-Key begins one round.",
    params: z.strictObject({ id: jobIdParam }),
    idempotent: true,
    body: { kind: "json", optional: true, schema: retryBody, maxBytes: MOST_BYTES },
    replies: REPLIES,
    async handle(call, deps) {
      const { jobId } = await requireJob(call.params.id, deps.engine);
      const { keepDownstream: _keep, dryRun: _dry, ...filter } = call.body;
      return retry(jobId, filterOf(jobId, filter), call, deps);
    },
  }),
  route({
    method: "POST",
    path: "/runs/retry",
    operation: "retryAll",
    summary: "Retry what failed in all jobs for a task or a reason; each job has a round of its own",
    description:
      "Looks at 100 jobs or 1,000 failures a call, the newest failures of each kind first: ask until there is no cursor. " +
      "A job that cannot be retried is counted and left. " +
      "A call that failed may be repeated with its cursor; the first one needs an Idempotency-Key for that.",
    idempotent: true,
    body: { kind: "json", schema: retryAllBody, shown: retryAllForms, maxBytes: MOST_BYTES },
    replies: { 200: { description: "What was done, or would be", schema: retriedJobs } },
    handle: async ({ body, principal, idempotencyKey }, { engine }) =>
      Response.json(await engine.retryAll(definedOf({ ...body, principal, idempotencyKey }))),
  }),
  route({
    method: "POST",
    path: "/runs/{id}/retry",
    operation: "retryRun",
    summary: "Retry one failed run of an ended job, or what failed below it",
    description: "By the id of a group, which ends with `.g`, everything that failed in it is retried.",
    params: z.strictObject({ id: runIdParam }),
    idempotent: true,
    body: { kind: "json", optional: true, schema: retryRunBody, maxBytes: MOST_BYTES },
    replies: REPLIES,
    async handle(call, deps) {
      const runId = runOf(call.params.id);
      if (runId === undefined) throw notFound(call.params.id);
      return retry(jobIdOf(runId), { runIds: [runId] }, call, deps);
    },
  }),
];

async function retry(
  jobId: string,
  filter: RetryFilter | undefined,
  { body, principal, idempotencyKey }: Call<unknown, unknown, z.output<typeof retryRunBody>>,
  { engine }: Dependencies,
): Promise<Response> {
  const request: RetryRequest = {
    principal,
    ...(filter && { filter }),
    ...(body.keepDownstream && { keepDownstream: true }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  return Response.json(await (body.dryRun ? engine.previewRetry(jobId, request) : engine.retry(jobId, request)));
}

type Filter = Omit<z.output<typeof retryBody>, keyof z.output<typeof retryRunBody>>;
/** Returns the filter for the engine; undefined when nothing is given, which means everything that failed. */
function filterOf(jobId: string, given: Filter): RetryFilter | undefined {
  const runIds = given.runIds?.map((id, at) => {
    const runId = runOf(id);
    if (runId !== undefined && jobIdOf(runId) === jobId) return runId;
    throw invalid(`/runIds/${at}`, `/runIds/${at} is the id of no run of job ${jobId}`);
  });
  const filter = definedOf({ ...given, runIds });
  return Object.keys(filter).length === 0 ? undefined : (filter as RetryFilter);
}
/** Returns the run that is meant: by the id of a group, the run that waits for it. */
function runOf(id: string): string | undefined {
  const runId = ownerOf(id) ?? id;
  return parseRunId(runId) && runId;
}
