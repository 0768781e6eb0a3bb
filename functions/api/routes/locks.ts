import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { lockCursor } from "../cursors.ts";
import { definedOf } from "../defined-of.ts";
import { lockPage } from "../lock-schemas.ts";
import { route } from "../route.ts";
import { wholeNumber } from "../query-schemas.ts";

export const lockRoute = route({
  method: "GET",
  path: "/locks",
  operation: "listLocks",
  summary: "Locks and limits in use, in the order of their keys: who holds them, and who waits",
  description: "A page may be empty although more follow: ask until there is no cursor.",
  query: z.strictObject({
    key: z.string().min(1).max(LIMITS.nameCharacters).optional(),
    limit: wholeNumber(1, 100).optional(),
    cursor: lockCursor,
  }),
  replies: { 200: { description: "A page of them", schema: lockPage } },
  handle: async ({ query }, { engine }) => Response.json(await engine.locks(definedOf(query))),
});
