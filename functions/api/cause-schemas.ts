import * as z from "zod";

const outdatedTask = z.object({ task: z.string(), from: z.int(), to: z.int() });
const version = z.int().describe("Of its task: the one that it was begun for, or made by");
const verified = z
  .literal(true)
  .describe("No code has run: all that it had consumed came out equal, so its earlier end holds");
const outdated = z
  .array(outdatedTask)
  .describe("Tasks by an earlier version of which it was made. It is made anew, or verified, when somebody asks");
const why = z
  .discriminatedUnion("of", [
    z.object({ of: z.enum(["first", "retry", "declared", "asked", "removed", "age", "expiry"]) }),
    z.object({ of: z.literal("version"), task: z.string(), from: z.int(), to: z.int() }),
    z.object({ of: z.enum(["dependency", "input"]), runId: z.string() }),
    z.object({ of: z.literal("failure"), reason: z.string().optional() }),
    z.object({ of: z.literal("tier"), failures: z.int() }),
    z.object({ of: z.enum(["shared", "reused"]), runId: z.string(), round: z.int() }),
  ])
  .describe(
    "Why a run has run, or not: nobody had asked before; its job was retried; a dependency was declared; somebody asked for another round; it had been removed; its end was too old, or would have been removed too early; a task has a higher version; a dependency or the step before has changed; it had failed; its task has tiers; it takes the end of a shared run, which had ended before when `reused`",
  );
export const ofIdentity = {
  why: why.optional(),
  version: version.optional(),
  verified: verified.optional(),
  failures: z
    .int()
    .describe("Of a failed shared run whose task has tiers: how often it has failed in a row")
    .optional(),
  retryAt: z.int().describe("When it runs again by a tier, in milliseconds since the epoch").optional(),
  outdated: outdated.optional(),
};
