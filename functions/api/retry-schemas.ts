import * as z from "zod";
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

const retried = z
  .object({
    jobId: z.string(),
    round: z.int().describe("The round that began"),
    created: z.boolean().describe("false: this Idempotency-Key had begun the round before"),
    supervised: z
      .literal(false)
      .optional()
      .describe("The job was supervised: its state machine has its answer, and hears nothing of this round"),
  })
  .register(components, { id: "Retried" });
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
