import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { identityCursor } from "../cursors.ts";
import { definedOf } from "../defined-of.ts";
import { forgottenRun, identityPage, scheduledRun } from "../identity-schemas.ts";
import { route } from "../route.ts";
import { readCanvas } from "../read-canvas.ts";
import { documentation, runStatus } from "../schemas.ts";
import { wholeNumber } from "../query-schemas.ts";

export const identityRoute = route({
  method: "GET",
  path: "/identities",
  operation: "listIdentities",
  summary: "Runs that jobs share: those of a task, those that were given a blob, or both",
  description:
    'Only runs of tasks that say `listed: true` or `refresh: "eager"` are listed. A page may be empty although more follow: ask until there is no cursor.',
  query: z.strictObject({
    task: z.string().min(1).max(LIMITS.nameCharacters).optional(),
    blob: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("SHA-256 of a blob among their arguments"),
    status: runStatus.optional(),
    limit: wholeNumber(1, 100).optional(),
    cursor: identityCursor,
  }),
  replies: { 200: { description: "A page of them", schema: identityPage } },
  handle: async ({ query }, { engine }) => Response.json(await engine.identities(definedOf(query))),
});

/** Core reads it, limits its size, and names what is wrong. */
const canvas = z.unknown().register(documentation, {
  schema: {
    $ref: "#/components/schemas/Canvas",
    description:
      "One signature. Of its options a run without a job takes queue, priority, timeout, retry, scope and dependsOn",
  },
});
const ask = z.strictObject({
  canvas,
  retry: z.boolean().optional().describe("Run it again although it has ended. Default false"),
  queueNow: z
    .boolean()
    .optional()
    .describe("false leaves it to the sweep to send its message, some minutes later. Default true"),
  deleteExtraDeps: z
    .boolean()
    .optional()
    .describe("Take away dependencies that the signature does not name. Default false"),
});

export const scheduleRunRoute = route({
  method: "POST",
  path: "/identities",
  operation: "scheduleRun",
  summary: "Ask for a run that jobs share, without a job",
  description:
    "Begins the run of this task and these arguments unless there is one. One that has ended begins again only when it is outdated, declares a dependency that it had not, or with `retry`. Idempotent without `retry`.",
  body: { kind: "json", schema: ask, maxBytes: LIMITS.canvasBytes },
  replies: { 200: { description: "The run, and whether this call has begun it", schema: scheduledRun } },
  handle: async ({ body, principal }, { engine, registry }) => {
    const { canvas: given, ...options } = body;
    return Response.json(
      await engine.scheduleRun({ canvas: readCanvas(given, registry, "/canvas"), principal, ...options }),
    );
  },
});
export const forgetRunRoute = route({
  method: "POST",
  path: "/identities/forget",
  operation: "forgetRun",
  summary: "Forget a run that jobs share",
  description:
    "Nobody takes its end any more, and it begins no more by itself. A run that has not ended goes on for those who wait for it, and is forgotten then.",
  body: { kind: "json", schema: z.strictObject({ canvas }), maxBytes: LIMITS.canvasBytes },
  replies: { 200: { description: "The run, as it was", schema: forgottenRun } },
  handle: async ({ body, principal }, { engine, registry }) =>
    Response.json(await engine.forgetRun({ canvas: readCanvas(body.canvas, registry, "/canvas"), principal })),
});
