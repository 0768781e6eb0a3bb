import * as z from "zod/v4/core";
import type { Canvas } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import { assertJson, toJson } from "../core/json-check.ts";
import type { JsonObject } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { nameProblem } from "../core/names/names.ts";
import { nearestName } from "../core/names/nearest-name.ts";
import { errorData, isFanfoldError } from "../core/task/error-data.ts";
import { requireStreaming } from "../core/task/streaming-handlers.ts";
import { workflowMark } from "../core/workflow-mark.ts";
import { type AnyTask, isTask } from "./any-task.ts";
import type { Whole } from "./builder-types.ts";
import { canvasOf, type CanvasSource } from "./canvas-builder.ts";
import { describeIssue } from "./schema-issue.ts";
import { buildCanvas, type Workflow } from "./workflow-type.ts";

export type { Workflow } from "./workflow-type.ts";

/** The definition that `defineWorkflow` takes. */
export interface WorkflowDefinition<
  Parameters extends z.$ZodObject,
  Source extends CanvasSource = CanvasSource,
  Name extends string = string,
> {
  /** Unique among the workflows of a deployment, 1 to 200 characters without white space. */
  readonly name: Name;
  /** What the workflow does, in a sentence for people. */
  readonly description?: string;
  /** Schema of its parameters. `z.strictObject` refuses fields that it does not name, `z.object` drops them. */
  readonly parameters: Parameters;
  /**
   * Returns the canvas. Must be synchronous, and return the same canvas for the same parameters. Look data up inside
   * tasks.
   */
  readonly canvas: (parameters: z.output<Parameters>) => Source & Whole<Source>;
  /**
   * The path tasks that the canvas calls for moved and deleted items, with `stream_results`. There may be millions, so a
   * task that does not stream its results is refused here, before any job starts.
   */
  readonly handlers?: { readonly move?: AnyTask; readonly delete?: AnyTask };
  /** Seconds until a job of the workflow is `timed-out`. Default: that of the engine. */
  readonly timeout?: number;
  /**
   * `true` lets a state machine start the jobs on AWS and wait for their end, visible in the console. Ignored
   * elsewhere. Default `false`.
   */
  readonly supervised?: boolean;
}

/**
 * Defines a workflow that can be started by name, through the API, the CLI or a schedule.
 * @throws FanfoldError `invalid_request` (`details.field` names the field), `cannot_stream` for a handler
 * @example
 * export const squares = defineWorkflow({
 *   name: "squares",
 *   description: "Sums the squares of 1..n.",
 *   parameters: z.object({ n: z.int().min(1).max(1000) }),
 *   canvas: ({ n }) => chord(Array.from({ length: n }, (_, i) => mul.s(i + 1, i + 1)), sum.s()),
 * });
 */
export function defineWorkflow<
  Parameters extends z.$ZodObject,
  Source extends CanvasSource,
  const Name extends string = string,
>(definition: WorkflowDefinition<Parameters, Source, Name>): Workflow<z.input<Parameters>, Source, Name> {
  const { name, description = "", parameters, canvas, timeout, supervised = false, handlers = {} } = definition;
  const problem = nameProblem(name);
  if (problem !== undefined) throw invalid("/name", `the name of a workflow ${problem}`);
  if (timeout !== undefined && !(timeout > 0 && Number.isFinite(timeout)))
    throw invalid("/timeout", `the timeout of ${name} must be a number of seconds above 0`);
  checkHandlers(name, handlers);
  return Object.freeze({
    [workflowMark]: true as const,
    name,
    description,
    parameters,
    canvas: (fields: unknown) => canvas(checkedFields(name, parameters, fields) as never) as never,
    [buildCanvas]: canvas,
    timeoutSeconds: timeout,
    supervised,
  });
}

function checkHandlers(workflow: string, handlers: { readonly [kind: string]: AnyTask | undefined }): void {
  for (const [kind, task] of Object.entries(handlers)) {
    const field = `/handlers/${kind}`;
    if (!HANDLERS.includes(kind))
      throw invalid(field, `${workflow} has no handler ${kind}: give ${HANDLERS.join(" or ")}`);
    if (task === undefined) continue;
    if (!isTask(task)) throw invalid(field, `the handler ${kind} of ${workflow} must be a path task`);
    requireStreaming(task.info, field);
  }
}
const HANDLERS: readonly string[] = ["move", "delete"];

/** Returns whether a value is a workflow that `defineWorkflow` made. */
export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === "object" && value !== null && Object.hasOwn(value, workflowMark);
}

/** One workflow, as the API lists it. */
export interface WorkflowInfo {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the fields that `start` accepts. */
  readonly parametersSchema: JsonObject;
}
/** The canvas and the settings of one start. */
export interface StartedWorkflow {
  readonly canvas: Canvas;
  /** The fields after parsing, defaults included. */
  readonly parameters: JsonObject;
  /** Seconds until the job is `timed-out`. Absent for the default of the engine. */
  readonly timeoutSeconds?: number;
  /** Set only when a state machine should start the job. */
  readonly supervised?: true;
}
/** The workflows of a deployment, by name. */
export interface Workflows {
  /** Returns all workflows, sorted by name. */
  list(): readonly WorkflowInfo[];
  /**
   * Returns the canvas of one start. `fields` is JSON of unknown origin.
   * @throws FanfoldError `unknown_workflow` (`details.suggestion`: the nearest name), `invalid_parameters`
   *   (`details.field`), `internal` when the code of the workflow fails
   */
  start(name: string, fields: unknown): StartedWorkflow;
}

/**
 * Returns workflows that can be started by name.
 * @throws FanfoldError `invalid_request` when two of them have the same name
 * @example const { canvas } = createWorkflows([squares]).start("squares", { n: 10 });
 */
export function createWorkflows(workflows: Iterable<Workflow>): Workflows {
  const byName = new Map<string, Workflow>();
  for (const workflow of workflows) {
    const other = byName.get(workflow.name);
    if (other !== undefined && other !== workflow) throw invalid("/name", `two workflows are named ${workflow.name}`);
    byName.set(workflow.name, workflow);
  }
  const sorted = [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const infos = sorted.map(({ name, description, parameters }) => ({
    name,
    description,
    parametersSchema: schemaOf(parameters),
  }));
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
  const parameters = checkedFields(workflow.name, workflow.parameters, fields);
  return {
    canvas: canvasFrom(workflow, parameters),
    parameters: parametersJson(parameters, fields as JsonObject),
    ...(workflow.timeoutSeconds !== undefined && { timeoutSeconds: workflow.timeoutSeconds }),
    ...(workflow.supervised && { supervised: true as const }),
  };
}

/** Returns the parsed fields, with their defaults. */
function checkedFields(workflow: string, parameters: z.$ZodObject, fields: unknown): unknown {
  assertJson(fields, "", { code: "invalid_parameters" });
  const checked = z.safeParse(parameters, fields);
  if (checked.success) return checked.data;
  const { field, message } = describeIssue(checked.error);
  throw new FanfoldError("invalid_parameters", `${field || "the fields"} of workflow ${workflow}: ${message}`, {
    details: { field },
  });
}

function canvasFrom(workflow: Workflow, parameters: unknown): Canvas {
  try {
    return canvasOf(workflow[buildCanvas](parameters as never));
  } catch (error) {
    // A FanfoldError answers the caller, who chose the parameters. Any other error is a bug of the workflow.
    if (isFanfoldError(error)) throw error;
    throw new FanfoldError(
      "internal",
      `workflow ${workflow.name} cannot make its canvas: ${errorData(error).message}`,
      { cause: error },
    );
  }
}

/**
 * Returns the parsed parameters as JSON. A schema may turn a field into a value that JSON cannot carry (a Date), and
 * then the given fields are kept.
 */
function parametersJson(parsed: unknown, given: JsonObject): JsonObject {
  try {
    return toJson(parsed, "") as JsonObject;
  } catch {
    return given;
  }
}

/** Returns the JSON Schema of the input, not of the transformed output. */
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
