import type { Canvas, FailurePolicy } from "../../core/canvas/canvas.ts";
import { FanfoldError, under } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { requireQueue } from "../../core/names/queue-name.ts";
import { compileCanvas, type DeclaredTracking, type OptionsOf } from "../../core/plan/compile.ts";
import { strandTasks } from "../../core/plan/strand-tasks.ts";
import type { PlanSize } from "../../core/plan/plan-size.ts";
import type { Strand, TaskStep } from "../../core/plan/plan.ts";
import { isLimited, LIMIT_NAMES, limitsOf, type RunLimits } from "../../core/task/run-limits.ts";
import { requireStreaming, STREAM_RESULTS } from "../../core/task/streaming-handlers.ts";
import { depthOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { dedupeOf } from "./shared-step.ts";
import { queueOf } from "./step-placement.ts";

/** Throws `too_deep` when a group below this one would be nested too deeply. */
export function checkDepth(gid: string): void {
  if (depthOf(gid) + 1 > LIMITS.groupDepth) {
    throw new FanfoldError(
      "too_deep",
      `groups are nested ${LIMITS.groupDepth} deep already; spawn from a task further up`,
      {
        details: { limit: LIMITS.groupDepth },
      },
    );
  }
}
/**
 * Compiles a canvas that was submitted, or that a task made. Throws `unknown_task` for a task that is not registered
 * here, so a misspelt name fails now and not after the grace period. Errors name their place below `field`. Canvases
 * that are stored together share `size`. `optionsOf` adds options that the place of its maker gives.
 */
export function compileChild(
  context: Context,
  canvas: Canvas,
  field: string,
  size?: PlanSize,
  optionsOf?: OptionsOf,
): Strand {
  return under(field, () => {
    const strand = compileCanvas(
      canvas,
      declaredTracking(context),
      size,
      optionsOf,
      (task) => context.registry.info(task)?.queue,
    );
    checkTasks(context, strand);
    return strand;
  });
}
/** Returns the function that says which tracking a task declares. */
export function declaredTracking({ registry }: Pick<Context, "registry">): DeclaredTracking {
  return (task) => registry.info(task)?.tracking;
}
/**
 * Throws `unknown_task` for the first task of a strand that is not registered, and `unknown_queue` for the first queue
 * that does not exist.
 */
function checkTasks(context: Context, strand: Strand): void {
  const { queues } = context.config;
  for (const [step, at] of strandTasks(strand)) {
    if (!context.registry.info(step.task)) {
      const name = step.task.slice(0, LIMITS.nameCharacters);
      throw new FanfoldError("unknown_task", `no task is called ${JSON.stringify(name)}`, {
        details: { field: `${at}/task`, task: name },
      });
    }
    refuseLimits(context, step, at);
    refuseUnstreamed(context, step, at);
    const field = `${at}/options/queue`;
    if (queues !== undefined) requireQueue(queueOf(context, step), queues, `${field} (${step.task})`, field);
  }
}

/**
 * Throws for a run that would not keep its limits: one that calls its task for each item of a list, which asks for them
 * once, one whose work is done elsewhere, or one that others share, who did not ask for the limits of this signature.
 */
function refuseLimits(context: Context, step: TaskStep, at: string): void {
  const { task, each, options } = step;
  const info = context.registry.info(task);
  const refuse = (limits: RunLimits, problemOf: (name: string) => string): void => {
    if (!isLimited(limits)) return;
    const [name = ""] = LIMIT_NAMES.filter((limit) => limits[limit] !== undefined);
    throw new FanfoldError("invalid_canvas", problemOf(name), { details: { field: `${at}/options/${name}`, task } });
  };
  const limits = limitsOf(info?.limits, options);
  if (each)
    refuse(
      limits,
      (name) =>
        `one run calls ${task} for each item of a ${each}, so its ${name} cannot hold: use a group of signatures`,
    );
  if (info?.stateMachine) refuse(limits, (name) => `${task} is a state machine, whose executions take no ${name}`);
  if (dedupeOf(context, step) !== undefined)
    refuse(
      limitsOf(undefined, options),
      (name) => `others may share the run of ${task}, so a signature cannot set its ${name}: declare it on the task`,
    );
}

/** Throws `cannot_stream` for a path task that is asked to stream its results and does not. */
function refuseUnstreamed({ registry }: Context, { task, kwargs }: TaskStep, at: string): void {
  const info = registry.info(task);
  if (info?.paths && kwargs?.[STREAM_RESULTS] === true) requireStreaming(info, `${at}/kwargs/${STREAM_RESULTS}`);
}

/**
 * Throws for a percentage as the policy of an open group, because its number of members is unknown until it is sealed.
 */
export function refuseShare(policy: FailurePolicy): void {
  if (typeof policy !== "object" || !("percent" in policy)) return;
  throw new FanfoldError("invalid_request", "an open group has no percent of failed members: give a threshold", {
    details: { field: "/policy" },
  });
}
