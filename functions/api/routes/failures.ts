import * as z from "zod";
import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Engine } from "../../engine/contract.ts";
import { definedOf } from "../defined-of.ts";
import { deadLetter, deadLetterCounts, deadLetterPage, deadLetterReason, failurePage } from "../failure-schemas.ts";
import { type Route, route } from "../route.ts";
import { deadLetterCursor, failureCursor, limit } from "../cursors.ts";
import { wholeNumber } from "../query-schemas.ts";
import { jobIdParam } from "./job-id.ts";

const text = z.string().min(1).max(LIMITS.nameCharacters);
const EMPTY_PAGES = "A page may be empty although more follow: ask until there is no cursor.";
const filter = {
  queue: text.optional(),
  task: text.optional(),
  reason: deadLetterReason.optional(),
  jobId: jobIdParam.optional(),
};
const action = z.strictObject({
  id: text.optional(),
  ...filter,
  dryRun: z.boolean().optional().describe("Only counts"),
  limit: z.int().min(1).max(500).optional().describe("Default 500"),
  cursor: deadLetterCursor,
});
const MOST_BYTES = 64 * 1_024;

export const failureRoutes = [
  route({
    method: "GET",
    path: "/failures",
    operation: "listFailures",
    summary: "Failures of all jobs by task and reason, with count, first and last time and the newest runs",
    description: `Each kind counts up to 1,000 failures. A failure is listed until its job expires. ${EMPTY_PAGES}`,
    query: z.strictObject({
      task: text.optional(),
      reason: text.optional(),
      since: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional().describe("Milliseconds since the epoch"),
      limit: wholeNumber(1, 100).optional(),
      cursor: failureCursor,
    }),
    replies: { 200: { description: "A page of them", schema: failurePage } },
    handle: async ({ query }, { engine }) => Response.json(await engine.failures(definedOf(query))),
  }),
  route({
    method: "GET",
    path: "/dead-letters",
    operation: "listDeadLetters",
    summary: "Messages that were given up, the newest first",
    description: EMPTY_PAGES,
    query: z.strictObject({ ...filter, limit, cursor: deadLetterCursor }),
    replies: { 200: { description: "A page of them", schema: deadLetterPage } },
    handle: async ({ query }, { engine }) => Response.json(await engine.deadLetters(definedOf(query))),
  }),
  route({
    method: "GET",
    path: "/dead-letters/{id}",
    operation: "getDeadLetter",
    summary: "One message that was given up, with the arguments of its first run",
    params: z.strictObject({ id: text }),
    replies: { 200: { description: "The dead letter", schema: deadLetter } },
    handle: async ({ params: { id } }, { engine }) => Response.json(await requireLetter(id, engine)),
  }),
  actionRoute({
    path: "/dead-letters/redrive",
    operation: "redriveDeadLetters",
    summary: "Send messages that were given up to their queues again",
    description:
      "Each is sent before it is removed, so none is lost. All that are given must match; without any, all letters are sent. A letter whose run has ended as broken is left: retry the run.",
    work: (engine, given) => engine.redriveDeadLetters(given),
  }),
  actionRoute({
    path: "/dead-letters/purge",
    operation: "purgeDeadLetters",
    summary: "Remove messages that were given up, for good",
    description: "All that are given must match; without any, all letters are removed.",
    work: (engine, given) => engine.purgeDeadLetters(given),
  }),
];

type Given = Parameters<Engine["redriveDeadLetters"]>[0];
function actionRoute({
  work,
  ...spec
}: Pick<Route, "path" | "operation" | "summary" | "description"> & {
  readonly work: (engine: Engine, given: Given) => Promise<unknown>;
}): Route {
  return route({
    ...spec,
    method: "POST",
    body: { kind: "json", schema: action, optional: true, maxBytes: MOST_BYTES },
    replies: { 200: { description: "What was done, or would be", schema: deadLetterCounts } },
    handle: async ({ body }, { engine }) => {
      if (body.id !== undefined) await requireLetter(body.id, engine);
      return Response.json(await work(engine, definedOf(body)));
    },
  });
}
async function requireLetter(id: string, engine: Engine) {
  const letter = await engine.deadLetter(id);
  if (letter) return letter;
  throw new FanfoldError(
    "dead_letter_not_found",
    `there is no dead letter ${id}; GET /dead-letters lists them, and a redrive or a purge removes them`,
    { details: { id } },
  );
}
