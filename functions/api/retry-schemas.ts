import * as z from "zod";
import { LIMITS } from "../core/limits.ts";
import { cursorText } from "./cursors.ts";
import { components, json, runStatus } from "./schemas.ts";

const texts = z.array(z.string().min(1).max(1_000)).min(1).optional();
const time = z.number().min(0).optional();
/** Part of a retry that says how, not what. */
export const retryRunBody = z.strictObject({
  keepDownstream: z
    .boolean()
    .optional()
    .describe("true: steps that had consumed what is retried keep their results; by default they run again"),
  dryRun: z.boolean().optional().describe("true: nothing is changed; the answer says what would run again"),
});
/** An empty list would mean no run at all, so it is refused. */
export const retryBody = z.strictObject({
  tasks: texts.describe("Names of tasks"),
  reasons: texts.describe("Reasons of errors, or names of errors without a reason"),
  statuses: z
    .array(z.enum(["error", "broken", "cancelled"]))
    .min(1)
    .optional(),
  stamps: z
    .record(z.string().min(1), z.array(json).min(1))
    .refine((stamps) => Object.keys(stamps).length > 0, "name a stamp and its values")
    .optional()
    .describe("Values by name: runs that carry one of them"),
  runIds: z.array(z.string().max(2_000)).min(1).optional().describe("Runs or groups, with everything below them"),
  endedAfter: time.describe("Milliseconds since the epoch"),
  endedBefore: time.describe("Milliseconds since the epoch"),
  ...retryRunBody.shape,
});
const name = z.string().min(1).max(LIMITS.nameCharacters);
const retryAllForm = z.strictObject({
  task: name.optional(),
  reason: name.optional().describe("Of the error, or its name when it has none"),
  since: z.int().min(0).optional().describe("Milliseconds since the epoch, from which on the failures count"),
  ...retryRunBody.shape,
  limit: z.int().min(1).max(100).optional().describe("Jobs that this call looks at; default 100"),
  cursor: cursorText('^[0-9a-f]{32}#[!"$-~]{1,200}#[!"$-~]{1,200}(#[0-9]{14}#[0-9A-Za-z_.~-]{1,900})?$'),
});
export const retryAllBody = retryAllForm.refine(({ task, reason }) => task !== undefined || reason !== undefined, {
  path: ["task"],
  message: "name a task, a reason, or both",
});
/** The forms that the document shows: one of the two is always given. */
export const retryAllForms = z.union([retryAllForm.required({ task: true }), retryAllForm.required({ reason: true })]);

const supervised = z
  .literal(false)
  .optional()
  .describe("The job was supervised: its state machine has its answer, and hears nothing of this round");
const retried = z
  .object({
    jobId: z.string(),
    round: z.int().describe("The round that began"),
    created: z.boolean().describe("false: this Idempotency-Key had begun the round before"),
    supervised,
  })
  .register(components, { id: "Retried" });
export const retriedJobs = z
  .object({
    retried: z.int().describe("Jobs in the list"),
    runs: z.int().optional().describe("Of a dry run: failed runs that would run again"),
    skipped: z.object({
      unfinished: z.int().describe("Jobs that have not ended"),
      over: z.int().describe("Jobs that have reached their deadline or their last round, or have expired"),
      nothing: z.int().describe("Jobs in which all of it was retried before"),
    }),
    jobs: z
      .array(
        z.object({
          jobId: z.string(),
          round: z.int(),
          runs: z.int().optional().describe("Of a dry run"),
          exact: z.literal(false).optional().describe("Only the first of the runs were counted"),
          supervised,
        }),
      )
      .describe("A job with failures on several pages is on each, with the same round"),
    cursor: z.string().optional().describe("Present when more may match: send it back as cursor"),
  })
  .register(components, { id: "RetriedJobs", description: "What a retry of many jobs did, or would do" });
const retryPreview = z
  .object({
    jobId: z.string(),
    round: z.int().describe("The round that would begin"),
    runs: z.int().describe("Failed runs that would run again"),
    exact: z.boolean().describe("false: only the first of them were counted"),
    failures: z.array(
      z.object({
        task: z.string(),
        reason: z.string().describe("Of the error, or its name when it has none"),
        status: runStatus,
        count: z.int(),
        example: z.string().describe("One of the runs"),
      }),
    ),
    again: z
      .array(z.object({ task: z.string(), count: z.int() }))
      .describe("Ended steps that would run again, because they had consumed what failed"),
  })
  .register(components, { id: "RetryPreview", description: "What a retry would run again. Nothing was changed." });
export const retriedOrPreview = z.union([retried, retryPreview]);
