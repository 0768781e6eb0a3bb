import * as z from "zod";
import { TRACKINGS } from "../../core/canvas/canvas.ts";
import { itemCounts } from "../item-schemas.ts";
import { route } from "../route.ts";
import { components, counts, errorData, failurePolicy, milliseconds } from "../schemas.ts";
import { runIdParam } from "./runs.ts";

const group = z
  .object({
    groupId: z.string(),
    jobId: z.string(),
    state: z
      .enum(["open", "complete", "failed", "cancelled", "timeout", "dropped"])
      .describe("`open` until the group has decided, then how it did"),
    round: z.int(),
    createdAt: milliseconds,
    total: z.int().optional().describe("Members. Absent while a task streams them, or input comes in"),
    remaining: z.int().optional().describe("Members that have not ended. Absent without `total`"),
    failed: z.int().describe("Members that failed"),
    counts,
    countsExact: z
      .boolean()
      .describe("false: more runs may have ended, of a very big group, or of one that decided early"),
    items: itemCounts.optional(),
    policy: failurePolicy,
    tracking: z.enum(TRACKINGS),
    ownerRunId: z.string().optional().describe("The run that waits for the group, or whose links are in it"),
    callbackRunId: z.string().optional().describe("The run that follows once the group has completed"),
    firstError: errorData.optional().describe("Of the run that failed first"),
    ttlSeconds: z.int().optional().describe("How long the ended group can be read, counted from its end"),
    expiresAt: milliseconds.optional().describe("Absent while the group goes on: then it does not expire"),
  })
  .register(components, { id: "Group" });

export const groupRoute = route({
  method: "GET",
  path: "/groups/{id}",
  operation: "getGroup",
  summary: "One group of a job: how far its members are, and what follows",
  description:
    "Every group of a job can be asked for: those of its canvas, those that tasks spawned, links, and the root, whose id is that of the job. `ctx.spawnWithCallback` returns the id before the group begins.",
  params: z.strictObject({ id: runIdParam }),
  replies: { 200: { description: "The group", schema: group } },
  handle: async ({ params: { id } }, { engine }) => Response.json(await engine.group(id)),
});
