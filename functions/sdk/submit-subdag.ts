import { clone } from "../core/canvas/canvas-parts.ts";
import { parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import { isPlainObject, toJson } from "../core/json-check.ts";
import type { Json } from "../core/json.ts";
import { canvasOf } from "./builder-methods.ts";
import type { CanvasSource } from "./builder-types.ts";
import { contextOf } from "./create-context.ts";
import { requireCall } from "./current-task.ts";
import type { SpawnedChildren, TaskContext } from "./task-context.ts";

/** The runner of sub-DAGs, by the name that the documents of Ngenea Hub give it. The engine itself runs them here. */
export const RUN_SUBDAG = "dynamocore.tasks.dag.run_subdag";

/** An item: its key, and what else is known of it. A path, or the `paths` of a path task, will do. */
export interface SubdagItem {
  readonly path: string;
  readonly [name: string]: unknown;
}
/** Options of `submitSubdag`. */
export interface SubdagOptions {
  /** What runs on the items: a graph, one task (`taskTemplate`), any other canvas, or the wire form of one. */
  readonly template: CanvasSource | Json;
  /**
   * `true`, the default: the next step of the submitting task waits for the sub-DAG, as the job does. `false` is refused,
   * because a step does not go on beside one yet.
   */
  readonly waitForStep?: true;
}

/**
 * Starts a graph on a list of items when, and only if, the attempt succeeds that calls this. The graph belongs to the
 * job: it is cancelled, retried and counted with it. May be called several times, and from any function that the task
 * calls.
 *
 * The tasks of the graph that follow none are given the items as their first argument; path tasks take them as their
 * `paths`.
 * @param items objects with a `path`, or paths
 * @param task the context of the submitting task, or the id of its run
 * @param runner `RUN_SUBDAG`
 * @throws FanfoldError `outside_task`, `unknown_task` for another runner, `invalid_request` for another run and for `waitForStep: false`,
 *   `invalid_canvas` for a template that is none, and as `ctx.spawn`
 * @example submitSubdag(paths, ctx, RUN_SUBDAG, { template: taskTemplate("dynamo.tasks.reverse_stub", { site }) });
 */
export function submitSubdag(
  items: Iterable<SubdagItem | string>,
  task: Pick<TaskContext, "spawn"> | string,
  runner: string,
  { template, waitForStep = true }: SubdagOptions,
): SpawnedChildren {
  const ctx = typeof task === "string" ? contextOfRun(task) : task;
  if (runner !== RUN_SUBDAG)
    throw new FanfoldError("unknown_task", `${String(runner)} runs no sub-DAGs: give ${RUN_SUBDAG}`, {
      details: { field: "/runner" },
    });
  if (waitForStep !== true)
    throw invalid("/waitForStep", "the next step always waits for a sub-DAG: leave waitForStep out, or give true");
  const list = [...items].map((item) => (typeof item === "string" ? { path: item } : item));
  const given = toJson(list, "/items", { code: "invalid_request" });
  return ctx.spawn(clone(templateOf(template), { args: [given] }));
}
function contextOfRun(runId: string): Pick<TaskContext, "spawn"> {
  const call = requireCall("submitSubdag()");
  const ctx = contextOf(call);
  if (call.runId === runId && ctx) return ctx;
  throw invalid("/task", `${runId} is not the run that submits this sub-DAG, which is ${call.runId}`);
}
/** Reads a template. The wire form of a canvas is told from a canvas by its `kind`. */
export function templateOf(template: SubdagOptions["template"]): Canvas {
  const wire = isPlainObject(template) && !("kind" in template) && !("canvas" in template);
  return wire ? parseCanvas(structuredClone(template)) : canvasOf(template as CanvasSource);
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
