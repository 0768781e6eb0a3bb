import * as z from "zod/v4/core";
import type { Canvas } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import { assertJson, toJson } from "../core/json-check.ts";
import type { JsonObject } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { nameProblem } from "../core/names/names.ts";
import { nearestName } from "../core/names/nearest-name.ts";
import { errorData, isFanfoldError } from "../core/task/error-data.ts";
import { canvasOf, type CanvasSource } from "./canvas-builder.ts";
import { describeIssue } from "./schema-issue.ts";

/** What `defineWorkflow` takes. */
export interface WorkflowDefinition<Parameters extends z.$ZodObject> {
  /** Unique among the workflows of a deployment; 1 to 200 characters without white space. */
  readonly name: string;
  /** For people: what it does, in a sentence. */
  readonly description?: string;
  /** Its fields; `z.strictObject` refuses those it does not name, `z.object` leaves them out. */
  readonly parameters: Parameters;
  /** Makes the canvas. Sync, and the same for the same parameters: look things up inside tasks. */
  readonly canvas: (parameters: z.output<Parameters>) => CanvasSource;
  /** Seconds until a job of it is `timed-out`. Default: the engine's. */
  readonly timeout?: number;
  /** `true`: on AWS a state machine starts its jobs and waits for their end, visible in the console. Elsewhere it means nothing. Default `false`. */
  readonly supervised?: boolean;
}

const workflowMark = Symbol.for("fanfold.workflow");

/** A named canvas with parameters. */
export interface Workflow {
  readonly [workflowMark]: true;
  readonly name: string;
  readonly description: string;
  readonly parameters: z.$ZodObject;
  readonly canvas: (parameters: never) => CanvasSource;
  readonly timeoutSeconds: number | undefined;
  readonly supervised: boolean;
}

/**
 * Defines a workflow that can be started by name, through the API, the CLI or a schedule.
 * @throws FanfoldError `invalid_request` (`details.field` names the field)
 * @example
 * export const squares = defineWorkflow({
 *   name: "squares",
 *   description: "Sums the squares of 1..n.",
 *   parameters: z.object({ n: z.int().min(1).max(1000) }),
 *   canvas: ({ n }) => chord(Array.from({ length: n }, (_, i) => mul.s(i + 1, i + 1)), sum.s()),
 * });
 */
export function defineWorkflow<Parameters extends z.$ZodObject>(definition: WorkflowDefinition<Parameters>): Workflow {
  const { name, description = "", parameters, canvas, timeout, supervised = false } = definition;
  const problem = nameProblem(name);
  if (problem !== undefined) throw invalid("/name", `the name of a workflow ${problem}`);
  if (timeout !== undefined && !(timeout > 0 && Number.isFinite(timeout)))
    throw invalid("/timeout", `the timeout of ${name} must be a number of seconds above 0`);
  return Object.freeze({ [workflowMark]: true as const, name, description, parameters, canvas, timeoutSeconds: timeout, supervised });
}

export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === "object" && value !== null && Object.hasOwn(value, workflowMark);
}

export interface WorkflowInfo {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the fields that `start` takes. */
  readonly parametersSchema: JsonObject;
}
export interface StartedWorkflow {
  readonly canvas: Canvas;
  /** The fields as they were understood, defaults included. */
  readonly parameters: JsonObject;
  readonly timeoutSeconds?: number;
  readonly supervised?: true;
}
export interface Workflows {
  /** In order of name. */
  list(): readonly WorkflowInfo[];
  /**
   * The canvas of one start. `fields` is JSON of unknown origin.
   * @throws FanfoldError `unknown_workflow` (`details.suggestion`: the nearest name), `invalid_parameters` (`details.field`), `internal` when the
   * workflow's own code fails
   */
  start(name: string, fields: unknown): StartedWorkflow;
}

/**
 * The workflows that can be started by name.
 * @throws FanfoldError `invalid_request` when two of them have the same name.
 */
export function createWorkflows(workflows: Iterable<Workflow>): Workflows {
  const byName = new Map<string, Workflow>();
  for (const workflow of workflows) {
    const other = byName.get(workflow.name);
    if (other !== undefined && other !== workflow) throw invalid("/name", `two workflows are named ${workflow.name}`);
    byName.set(workflow.name, workflow);
  }
  const sorted = [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const infos = sorted.map(({ name, description, parameters }) => ({ name, description, parametersSchema: schemaOf(parameters) }));
  return {
    list: () => infos,
    start(name, fields) {
      const workflow = byName.get(name);
      if (workflow === undefined) throw unknown(name, byName.keys());
      return start(workflow, fields);
    },
  };
}

function start(workflow: Workflow, fields: unknown): StartedWorkflow {
  assertJson(fields, "", { code: "invalid_parameters" });
  const checked = z.safeParse(workflow.parameters, fields);
  if (!checked.success) {
    const { field, message } = describeIssue(checked.error);
    throw new FanfoldError("invalid_parameters", `${field || "the fields"} of workflow ${workflow.name}: ${message}`, { details: { field } });
  }
  return {
    canvas: canvasFrom(workflow, checked.data),
    parameters: parametersJson(checked.data, fields as JsonObject),
    ...(workflow.timeoutSeconds !== undefined && { timeoutSeconds: workflow.timeoutSeconds }),
    ...(workflow.supervised && { supervised: true as const }),
  };
}

function canvasFrom(workflow: Workflow, parameters: unknown): Canvas {
  try {
    return canvasOf(workflow.canvas(parameters as never));
  } catch (error) {
    // A refusal is an answer to the caller, who chose the parameters; anything else is a bug of the workflow.
    if (isFanfoldError(error)) throw error;
    throw new FanfoldError("internal", `workflow ${workflow.name} cannot make its canvas: ${errorData(error).message}`, { cause: error });
  }
}

/** A schema may transform a field into what JSON cannot carry (a Date); then what was given is kept. */
function parametersJson(parsed: unknown, given: JsonObject): JsonObject {
  try {
    return toJson(parsed, "") as JsonObject;
  } catch {
    return given;
  }
}

/** Of what goes in, not of what a transformation makes of it. */
function schemaOf(parameters: z.$ZodObject): JsonObject {
  return toJson(z.toJSONSchema(parameters, { io: "input", unrepresentable: "any" }), "") as JsonObject;
}

function unknown(name: string, known: Iterable<string>): FanfoldError {
  const shown = name.slice(0, LIMITS.nameCharacters).toWellFormed();
  const suggestion = name.length > LIMITS.nameCharacters ? undefined : nearestName(name, known);
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return new FanfoldError("unknown_workflow", `there is no workflow ${shown}${hint}`, {
    details: { workflow: shown, ...(suggestion !== undefined && { suggestion }) },
  });
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
