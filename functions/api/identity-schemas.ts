import * as z from "zod";
import { ofIdentity } from "./cause-schemas.ts";
import { components, errorData, json, milliseconds, runStatus } from "./schemas.ts";

const identity = z
  .object({
    runId: z.string(),
    task: z.string(),
    args: z.array(json),
    kwargs: z.record(z.string(), json),
    status: runStatus,
    round: z.int(),
    endedAt: milliseconds.optional(),
    error: errorData.optional(),
    ...ofIdentity,
  })
  .register(components, { id: "Identity", description: "A run that jobs share" });
export const identityPage = z
  .object({
    items: z.array(identity),
    cursor: z.string().optional().describe("Present when more may follow: send it back as ?cursor"),
  })
  .register(components, { id: "IdentityPage" });
export const scheduledRun = z
  .object({
    runId: z.string(),
    status: runStatus,
    begun: z.boolean().describe("Whether this call has begun it, or its next round"),
  })
  .register(components, { id: "ScheduledRun" });
export const forgottenRun = z
  .object({ runId: z.string(), status: runStatus.describe("One that has not ended goes on for those who wait for it") })
  .register(components, { id: "ForgottenRun" });
