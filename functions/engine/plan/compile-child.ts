import type { Canvas, FailurePolicy } from "../../core/canvas/canvas.ts";
import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { compileCanvas, type DeclaredTracking, strandTasks } from "../../core/plan/compile.ts";
import type { Strand } from "../../core/plan/plan.ts";
import { depthOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";

export function checkDepth(gid: string): void {
  if (depthOf(gid) + 1 > LIMITS.groupDepth) {
    throw new FanfoldError("too_deep", `groups are nested ${LIMITS.groupDepth} deep already; spawn from a task further up`, {
      details: { limit: LIMITS.groupDepth },
    });
  }
}
/** Compiles a canvas that a task made; its tasks must be known here, so that a misspelt name fails now and not after an hour of grace. */
export function compileChild(context: Context, canvas: Canvas, field: string): Strand {
  const strand = compileCanvas(canvas, declaredTracking(context));
  checkTasks(context, strand, field);
  return strand;
}
export function declaredTracking({ registry }: Pick<Context, "registry">): DeclaredTracking {
  return (task) => registry.info(task)?.tracking;
}
export function checkTasks(context: Context, strand: Strand, field: string): void {
  for (const [task, at] of strandTasks(strand)) {
    if (!context.registry.info(task))
      throw new FanfoldError("unknown_task", `no task is called ${JSON.stringify(task.slice(0, LIMITS.nameCharacters))}`, {
        details: { field: `${field}${at}`, task: task.slice(0, LIMITS.nameCharacters) },
      });
  }
}

/** Of members whose number is not known before they have all been put, no share can be taken. */
export function refuseShare(policy: FailurePolicy): void {
  if (typeof policy !== "object" || !("percent" in policy)) return;
  throw new FanfoldError("invalid_request", "an open group has no percent of failed members: give a threshold", { details: { field: "policy" } });
}
