import * as z from "zod";
import { assertJson } from "../../core/canvas/canvas-wire.ts";
import { FanfoldError, under } from "../../core/errors.ts";
import { isPlainObject } from "../../core/json-check.ts";
import type { JsonObject } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { nearestName } from "../../core/names/nearest-name.ts";
import type { SubmitRequest, Submitted } from "../../engine/contract.ts";
import type { Dependencies, Workflows } from "../dependencies.ts";
import { checkTasks } from "../read-canvas.ts";
import { invalid, route } from "../route.ts";
import { documentation, startedOrEstimate, submitted, workflow as workflowSchema, workflowList } from "../schemas.ts";
import { flag } from "../query-schemas.ts";
import { secondsPerTask, timeoutSeconds } from "../start-parameters.ts";
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
    async handle({ params, query, body, principal, idempotencyKey }, deps) {
      const { engine, supervisor } = deps;
      const start = readWorkflowStart({ ...body, ...params, principal, idempotencyKey }, deps);
      if (query.supervised && supervisor === undefined)
        throw invalid(
          "?supervised",
          "this server has no state machine to supervise jobs; start it without ?supervised",
        );
      if (readPlanQuery(query)) return Response.json(engine.estimate(start.request, query.secondsPerTask));
      const isOfMachine = isSupervised(start, deps, query.supervised);
      return submittedResponse(await (isOfMachine ? supervise(start, deps) : engine.submit(start.request)));
    },
  }),
];

/** A checked start of a workflow. */
export interface WorkflowStart {
  readonly request: SubmitRequest & { readonly workflow: string; readonly principal: string };
  readonly fields: JsonObject;
  /** Set when the workflow wants a state machine to start its jobs. */
  readonly wantsSupervisor: boolean;
}
/** Reads a start of a workflow. Throws `unknown_workflow`, `invalid_parameters`, `invalid_request`, `unknown_task`. */
export function readWorkflowStart(
  given: {
    readonly name: string;
    readonly fields?: unknown;
    readonly timeoutSeconds?: number | undefined;
    readonly principal: string;
    readonly idempotencyKey: string | undefined;
  },
  { workflows, registry }: Pick<Dependencies, "workflows" | "registry">,
): WorkflowStart {
  const { name: workflow } = findWorkflow(given.name, workflows);
  const { principal, idempotencyKey } = given;
  const fields = readFields(given.fields ?? {});
  const { canvas, parameters, timeoutSeconds, supervised } = under("/fields", () => workflows.start(workflow, fields));
  checkTasks(canvas, registry);
  const timeout = given.timeoutSeconds ?? timeoutSeconds;
  const request = {
    canvas,
    workflow,
    parameters,
    principal,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
  };
  return { request, fields, wantsSupervisor: supervised === true };
}
/** Returns whether a state machine starts the job: that is wanted, and this server has one. */
export function isSupervised(
  { wantsSupervisor }: WorkflowStart,
  { supervisor }: Dependencies,
  isAsked = false,
): boolean {
  return supervisor !== undefined && (isAsked || wantsSupervisor);
}
/** Lets a state machine start the job. */
export async function supervise(
  { request, fields }: WorkflowStart,
  { engine, supervisor }: Dependencies,
): Promise<Submitted> {
  if (supervisor === undefined) throw new FanfoldError("internal", "a job was given to a supervisor that is not there");
  const { workflow, principal, timeoutSeconds } = request;
  return supervisor.start({
    jobId: engine.newJobId(request),
    workflow,
    fields,
    principal,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  });
}

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
