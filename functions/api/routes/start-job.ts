import * as z from "zod";
import { readFailurePolicy } from "../../core/canvas/signature-options.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Dependencies } from "../dependencies.ts";
import { readCanvas } from "../read-canvas.ts";
import { invalid, route } from "../route.ts";
import { documentation, startedOrEstimate, submitted } from "../schemas.ts";
import { flag } from "../query-schemas.ts";
import { secondsPerTask, timeoutSeconds } from "../start-parameters.ts";
import { readPlanQuery, submittedResponse } from "./submitted.ts";

/** Canvases and policies stay `unknown` here. Core reads them, limits their size, and names the wrong node. */
const opaque = (id: string, description: string) =>
  z.unknown().register(documentation, { schema: { $ref: `#/components/schemas/${id}`, description } });

const startBody = z.strictObject({
  canvas: opaque("Canvas", "What to run").optional(),
  body: opaque("Canvas", "Only with ?input: runs after all items and receives their results").optional(),
  policy: opaque("FailurePolicy", "Only with ?input: when the items count as failed").optional(),
  input: z.enum(["items", "canvases"]).optional().describe("Only with ?input: what the pages hold. Default canvases"),
  each: opaque("Canvas", "Only with input items: runs for each chunk of them. It begins with a path task").optional(),
  chunkSize: z.int().min(1).max(LIMITS.pageItems).optional().describe("Only with input items. Default 40"),
  timeoutSeconds,
});
type StartBody = z.output<typeof startBody>;

export const startJobRoute = route({
  method: "POST",
  path: "/jobs",
  operation: "startJob",
  summary: "Start an ad-hoc canvas, or open a job whose items follow in pages",
  description:
    "Without ?input the body needs `canvas`. With ?input it may have `body` and `policy`; `input` says whether the pages hold canvases, or items of path tasks for which `each` runs. Then put the items with " +
    "PUT /jobs/{id}/input/{page}, in any order, and seal them. The same Idempotency-Key with the same body gives the same job. " +
    "With ?plan nothing is started or stored: the answer says what the job would take, and refuses what the start would refuse.",
  query: z.strictObject({ input: flag, plan: flag, secondsPerTask }),
  idempotent: true,
  body: { kind: "json", schema: startBody, maxBytes: LIMITS.canvasBytes },
  replies: {
    201: { description: "Started", schema: submitted },
    200: { description: "This Idempotency-Key had started it before; with ?plan, the plan", schema: startedOrEstimate },
  },
  async handle({ query, body, principal, idempotencyKey }, deps) {
    const common = {
      principal,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...(body.timeoutSeconds !== undefined && { timeoutSeconds: body.timeoutSeconds }),
    };
    const { engine } = deps;
    const estimateOnly = readPlanQuery(query);
    if (query.input) {
      const request = { ...readOpenJob(body, deps), ...common };
      return estimateOnly
        ? Response.json(engine.estimate(request, query.secondsPerTask))
        : submittedResponse(await engine.openJob(request));
    }
    for (const key of ["body", "policy", "input", "each", "chunkSize"] as const) {
      if (body[key] !== undefined)
        throw invalid(`/${key}`, `/${key} belongs to a job with input pages: POST /jobs?input`);
    }
    if (body.canvas === undefined)
      throw invalid("/canvas", '/canvas is missing; send {"canvas": {"task": "...", "args": [...]}}');
    const request = { canvas: readCanvas(body.canvas, deps.registry, "/canvas"), ...common };
    return estimateOnly
      ? Response.json(engine.estimate(request, query.secondsPerTask))
      : submittedResponse(await engine.submit(request));
  },
});

function readOpenJob(body: StartBody, { registry }: Dependencies) {
  if (body.canvas !== undefined)
    throw invalid(
      "/canvas",
      "/canvas cannot be given with ?input: its items follow in pages; what runs after them is `body`",
    );
  if (body.input !== "items")
    for (const key of ["each", "chunkSize"] as const)
      if (body[key] !== undefined) throw invalid(`/${key}`, `/${key} belongs to an input of items: "input": "items"`);
  if (body.input === "items" && body.each === undefined)
    throw invalid("/each", "/each is missing: what runs for each chunk of the items");
  return {
    ...(body.each !== undefined && {
      items: {
        each: readCanvas(body.each, registry, "/each"),
        ...(body.chunkSize !== undefined && { chunkSize: body.chunkSize }),
      },
    }),
    ...(body.body !== undefined && { body: readCanvas(body.body, registry, "/body") }),
    ...(body.policy !== undefined && { policy: readFailurePolicy(body.policy, "/policy") }),
  };
}
