import * as z from "zod";
import { assertJson } from "../../core/canvas/canvas-wire.ts";
import { FanfoldError, under } from "../../core/errors.ts";
import { isPlainObject } from "../../core/json-check.ts";
import type { JsonObject } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { nearestName } from "../../core/names/nearest-name.ts";
import type { Workflows } from "../dependencies.ts";
import { checkTasks } from "../read-canvas.ts";
import { invalid, route } from "../route.ts";
import {
  documentation,
  flag,
  secondsPerTask,
  startedOrEstimate,
  submitted,
  timeoutSeconds,
  workflow as workflowSchema,
  workflowList,
} from "../schemas.ts";
import { readPlanQuery, submittedResponse } from "./submitted.ts";

/** Stays `unknown` here: the workflow reads it. */
const parameters = z.unknown().register(documentation, {
  schema: { type: "object", description: "Parameters of the workflow, as its `parametersSchema` says" },
});
const name = z.strictObject({ name: z.string().max(LIMITS.nameCharacters) });

export const workflowRoutes = [
  route({
    method: "GET",
    path: "/workflows",
    operation: "listWorkflows",
    summary: "The workflows that can be started",
    replies: { 200: { description: "All of them", schema: workflowList } },
    handle: async (_call, { workflows }) => Response.json({ items: workflows.list() }),
  }),
  route({
    method: "GET",
    path: "/workflows/{name}",
    operation: "getWorkflow",
    summary: "One workflow and its parameters",
    params: name,
    replies: { 200: { description: "The workflow", schema: workflowSchema } },
    handle: async ({ params }, { workflows }) => Response.json(findWorkflow(params.name, workflows)),
  }),
  route({
    method: "POST",
    path: "/workflows/{name}/jobs",
    operation: "startWorkflow",
    summary: "Start a workflow",
    description:
      "The same Idempotency-Key with the same body gives the same job. With `?supervised` a state machine of the same name as the job starts it and waits for " +
      "its end; the job can be read a moment later. A server without one refuses that. With `?plan` nothing is started or stored: the answer says what the job " +
      "would take, and refuses what the start would refuse.",
    params: name,
    query: z.strictObject({ supervised: flag, plan: flag, secondsPerTask }),
    idempotent: true,
    body: {
      kind: "json",
      optional: true,
      maxBytes: LIMITS.canvasBytes,
      schema: z.strictObject({
        fields: parameters.optional(),
        timeoutSeconds,
      }),
    },
    replies: {
      201: { description: "Started", schema: submitted },
      200: {
        description: "This Idempotency-Key had started it before; with ?plan, the plan",
        schema: startedOrEstimate,
      },
    },
    async handle({ params, query, body, principal, idempotencyKey }, { engine, workflows, registry, supervisor }) {
      const { name: workflow } = findWorkflow(params.name, workflows);
      const fields = readFields(body.fields ?? {});
      const {
        canvas,
        parameters,
        timeoutSeconds: ownTimeout,
        supervised,
      } = under("/fields", () => workflows.start(workflow, fields));
      checkTasks(canvas, registry);
      const timeout = body.timeoutSeconds ?? ownTimeout;
      if (query.supervised && supervisor === undefined)
        throw invalid(
          "?supervised",
          "this server has no state machine to supervise jobs; start it without ?supervised",
        );
      const request = {
        canvas,
        workflow,
        parameters,
        principal,
        ...(idempotencyKey !== undefined && { idempotencyKey }),
        ...(timeout !== undefined && { timeoutSeconds: timeout }),
      };
      if (readPlanQuery(query)) return Response.json(engine.estimate(request, query.secondsPerTask));
      if (supervisor !== undefined && (query.supervised || supervised)) {
        const jobId = engine.newJobId({ principal, ...(idempotencyKey !== undefined && { idempotencyKey }) });
        return submittedResponse(
          await supervisor.start({
            jobId,
            workflow,
            fields,
            principal,
            ...(timeout !== undefined && { timeoutSeconds: timeout }),
          }),
        );
      }
      return submittedResponse(await engine.submit(request));
    },
  }),
];

function findWorkflow(wanted: string, workflows: Workflows) {
  const all = workflows.list();
  const found = all.find((each) => each.name === wanted);
  if (found !== undefined) return found;
  const suggestion = nearestName(
    wanted,
    all.map((each) => each.name),
  );
  const hint = suggestion === undefined ? "GET /workflows lists them" : `did you mean ${suggestion}?`;
  throw new FanfoldError("unknown_workflow", `no workflow is called ${wanted}; ${hint}`, {
    details: { ...(suggestion !== undefined && { suggestion }) },
  });
}

function readFields(fields: unknown): JsonObject {
  if (!isPlainObject(fields)) throw invalid("/fields", "/fields must be an object of the workflow's parameters");
  under("/fields", () => assertJson(fields, "", { code: "invalid_request", maxBytes: LIMITS.canvasBytes }));
  return fields as JsonObject;
}
