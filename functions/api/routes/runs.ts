import * as z from "zod";
import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { ownerOf, parseRunId } from "../../core/plan/run-id.ts";
import type { Engine, RunView } from "../../engine/contract.ts";
import { invalid, route } from "../route.ts";
import { json, run, runCancelled, runCompleted } from "../schemas.ts";

export const runIdParam = z.string().max(2_000);
const params = z.strictObject({ id: runIdParam });
const text = (characters: number): z.ZodString => z.string().min(1).max(characters);
/** Largest answer in bytes. Values above the inline size become blobs. */
const MOST_BYTES = 4 * 1_024 * 1_024;
const token = text(200).describe("As the run shows it");
const error = z.strictObject({ name: text(LIMITS.nameCharacters), message: z.string().max(4_000) });
const answer = z.strictObject({ token, value: json.optional(), error: error.optional() });
/** The two forms that the document shows. A check against both could only say that none fits. */
const forms = z.union([z.strictObject({ token, value: json }), z.strictObject({ token, error })]);

export const runRoutes = [
  route({
    method: "GET",
    path: "/runs/{id}",
    operation: "getRun",
    summary: "One run",
    description: "Ids are made of letters, digits, `.` and `~`: they need no escaping in a URL.",
    params,
    replies: { 200: { description: "The run", schema: run } },
    async handle({ params: { id } }, { engine }) {
      return Response.json(await requireRun(id, engine));
    },
  }),
  route({
    method: "POST",
    path: "/runs/{id}/complete",
    operation: "completeRun",
    summary: "Answer a run that waits for an approval or for work done elsewhere",
    description: "With a `value` or an `error`, not both. Harmless when repeated: the first answer stays.",
    params,
    body: { kind: "json", schema: answer, shown: forms, maxBytes: MOST_BYTES },
    replies: { 200: { description: "Whether it had an effect", schema: runCompleted } },
    async handle({ params: { id }, body: { token, value, error } }, { engine }) {
      if ((value === undefined) === (error === undefined))
        throw invalid("/value", "give a value or an error, and not both");
      const { runId } = await requireRun(id, engine);
      const given = error === undefined ? { value: value as Json } : { error: { ...error, retryable: false } };
      return Response.json({ runId, completed: await engine.complete(runId, token, given) });
    },
  }),
  route({
    method: "POST",
    path: "/runs/{id}/cancel",
    operation: "cancelRun",
    summary:
      "Revoke a run and what would have followed it in its strand; durable once answered, harmless when repeated",
    description:
      "By the id of a group, which ends with `.g`, the run that waits for it is revoked. A member of a group can be revoked before it has begun.",
    params,
    replies: { 200: { description: "Whether it had an effect", schema: runCancelled } },
    async handle({ params: { id } }, { engine }) {
      const runId = ownerOf(id) ?? id;
      if (parseRunId(runId) === undefined) throw notFound(id);
      return Response.json({ runId, cancelled: await engine.revoke(id) });
    },
  }),
];

async function requireRun(id: string, engine: Engine): Promise<RunView> {
  const found = parseRunId(id) && (await engine.run(id));
  if (!found) throw notFound(id);
  return found;
}
export function notFound(id: string): FanfoldError {
  return new FanfoldError(
    "run_not_found",
    `there is no run ${id.slice(0, 200)}; GET /jobs/{id}/runs lists the runs of a job`,
  );
}
