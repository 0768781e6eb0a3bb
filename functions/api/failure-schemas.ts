import * as z from "zod";
import { components, errorData, json, milliseconds } from "./schemas.ts";

const cursor = z.string().optional().describe("Present when more may follow: send it back as ?cursor");
const failureGroup = z
  .object({
    task: z.string(),
    reason: z.string().describe("Of the error; its name when it has none"),
    count: z.int(),
    more: z.literal(true).optional().describe("There are more than were counted"),
    firstAt: milliseconds,
    lastAt: milliseconds,
    error: z.object({ name: z.string(), message: z.string() }).describe("The newest"),
    runIds: z.array(z.string()).describe("The newest first, at most five"),
  })
  .register(components, { id: "FailureGroup", description: "Failures of one task for one reason" });
export const failurePage = z
  .object({ items: z.array(failureGroup), cursor })
  .register(components, { id: "FailurePage" });

export const deadLetterReason = z
  .enum(["not_understood", "handler_failed", "run_broken"])
  .register(components, { id: "DeadLetterReason" });
export const deadLetter = z
  .object({
    id: z.string(),
    at: milliseconds,
    queue: z.string(),
    reason: deadLetterReason,
    error: errorData.optional(),
    redrives: z.int().describe("How often it had been sent again before"),
    kind: z.string().optional().describe("What the message asks for, when it can be read"),
    jobId: z.string().optional(),
    task: z.string().optional(),
    runs: z.int().optional().describe("How many runs it names"),
    runIds: z.array(z.string()).optional().describe("The first 20 of them"),
    body: json,
    args: z.array(json).optional().describe("Of the first run. Only where one letter is asked for"),
    kwargs: z.record(z.string(), json).optional(),
  })
  .register(components, { id: "DeadLetter", description: "A message that was given up" });
export const deadLetterPage = z
  .object({ items: z.array(deadLetter), cursor })
  .register(components, { id: "DeadLetterPage" });
export const deadLetterCounts = z
  .object({
    letters: z.int(),
    kinds: z.array(
      z.object({ queue: z.string(), reason: deadLetterReason, task: z.string().optional(), count: z.int() }),
    ),
    ended: z.int().describe("Left by a redrive, because their runs have ended"),
    refused: z.int().describe("Left by a redrive, because their queue does not exist"),
    cursor: z.string().optional().describe("Present when more may match: send it back as cursor"),
  })
  .register(components, { id: "DeadLetterCounts", description: "What a redrive or a purge did, or would do" });
