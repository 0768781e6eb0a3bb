import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { eachBounded } from "../../engine/concurrently.ts";
import type { SubmitOutcome, SubmitRequest } from "../../engine/contract.ts";
import { canvasNode } from "../canvas-schema.ts";
import type { Dependencies } from "../dependencies.ts";
import { type Problem, problemOf } from "../problem.ts";
import { readCanvas } from "../read-canvas.ts";
import { checkObject, invalid, route } from "../route.ts";
import { components, startOutcomes } from "../schemas.ts";
import { timeoutSeconds } from "../start-parameters.ts";
import { isSupervised, readWorkflowStart, supervise, type WorkflowStart } from "./workflows.ts";

const key = z.string().min(1).max(LIMITS.idempotencyKeyCharacters);
const fields = z.record(z.string(), z.unknown());
/** One line of a batch. Canvas and fields stay `unknown`: core and the workflow read them. */
const startLine = z.strictObject({
  idempotencyKey: key,
  canvas: z.unknown().optional(),
  workflow: z.string().max(LIMITS.nameCharacters).optional(),
  fields: z.unknown().optional(),
  timeoutSeconds,
});
/** What the document shows of a line. */
const shownLine = z
  .union([
    z.strictObject({ idempotencyKey: key, canvas: canvasNode, timeoutSeconds }),
    z.strictObject({ idempotencyKey: key, workflow: z.string(), fields: fields.optional(), timeoutSeconds }),
  ])
  .register(components, { id: "Start", description: "One line of a batch" });
/** Characters of the text of a refusal. A thousand of them must fit into an answer. */
const DETAIL_CHARACTERS = 500;
const EXECUTIONS_AT_ONCE = 16;

export const startJobsRoute = route({
  method: "POST",
  path: "/jobs:batch",
  operation: "startJobs",
  summary: "Start many jobs at once",
  description:
    `At most ${LIMITS.batchStarts} starts and 6 MB, one per line: a canvas, or a workflow with its fields, and an Idempotency-Key each. The answer has an outcome for each ` +
    "line, in order: its job, or the problem that POST /jobs would have answered. So a part of a batch may be refused, and `field` is a pointer into the line. " +
    "Repeating a batch is harmless: the same key with the same work gives the same job.",
  body: { kind: "lines", item: shownLine, maxItems: LIMITS.batchStarts, maxBytes: LIMITS.canvasBytes },
  replies: { 200: { description: "An outcome for each line", schema: startOutcomes } },
  async handle({ body, principal }, deps) {
    if (body.length === 0) throw invalid("", "a batch needs at least one line");
    const starts = body.map((line) => readStart(line, principal, deps));
    const outcomes = await outcomesOf(starts, deps);
    const items = outcomes.map((outcome) =>
      "submitted" in outcome ? outcome.submitted : { error: problemOfLine(outcome.error) },
    );
    const failure = outcomes.find((outcome) => "error" in outcome && problemOf(outcome.error).status >= 500);
    if (failure && "error" in failure) deps.report?.(failure.error);
    return Response.json({ items });
  },
});

/** One line as read: what the engine starts, what a state machine starts, or why the line is refused. */
type Start = { readonly request: SubmitRequest } | { readonly supervised: WorkflowStart } | { readonly error: unknown };
function readStart(line: unknown, principal: string, deps: Dependencies): Start {
  try {
    const { canvas, workflow, fields: given, idempotencyKey, timeoutSeconds: timeout } = checkObject(startLine, line);
    if ((canvas === undefined) === (workflow === undefined))
      throw invalid("/canvas", "a line has either /canvas or /workflow");
    if (workflow !== undefined) {
      const about = { name: workflow, fields: given, timeoutSeconds: timeout, principal, idempotencyKey };
      const start = readWorkflowStart(about, deps);
      return isSupervised(start, deps) ? { supervised: start } : { request: start.request };
    }
    if (given !== undefined) throw invalid("/fields", "/fields belongs to a /workflow");
    const request = { canvas: readCanvas(canvas, deps.registry, "/canvas"), principal, idempotencyKey };
    return { request: { ...request, ...(timeout !== undefined && { timeoutSeconds: timeout }) } };
  } catch (error) {
    return { error };
  }
}
async function outcomesOf(starts: readonly Start[], deps: Dependencies): Promise<SubmitOutcome[]> {
  const submitted = await deps.engine.submitMany(
    starts.flatMap((start) => ("request" in start ? [start.request] : [])),
  );
  const bySupervisor = new Map<Start, SubmitOutcome>();
  await eachBounded(starts, EXECUTIONS_AT_ONCE, async (start) => {
    if (!("supervised" in start)) return;
    const outcome = supervise(start.supervised, deps).then(
      (job): SubmitOutcome => ({ submitted: job }),
      (error: unknown): SubmitOutcome => ({ error }),
    );
    bySupervisor.set(start, await outcome);
  });
  let next = 0;
  return starts.map((start) => {
    if ("error" in start) return start;
    return ("request" in start ? submitted[next++] : bySupervisor.get(start)) as SubmitOutcome;
  });
}
/** Returns the problem of one line. The key is a field of the line here, and not a header. */
function problemOfLine(error: unknown): Problem {
  const { field, detail, ...problem } = problemOf(error);
  const place = field === "Idempotency-Key" ? "/idempotencyKey" : field;
  return { ...problem, detail: detail.slice(0, DETAIL_CHARACTERS), ...(place !== undefined && { field: place }) };
}
