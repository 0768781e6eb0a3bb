import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { identityCursor } from "../cursors.ts";
import { definedOf } from "../defined-of.ts";
import { identityPage } from "../identity-schemas.ts";
import { route } from "../route.ts";
import { runStatus } from "../schemas.ts";
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
