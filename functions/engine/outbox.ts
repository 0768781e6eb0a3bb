import type { Canvas } from "../core/canvas.ts";
import { compileCanvas, strandTasks } from "../core/compile.ts";
import { FanfoldError } from "../core/errors.ts";
import type { Spawned } from "../core/invocation.ts";
import { LIMITS } from "../core/limits.ts";
import type { Strand } from "../core/plan.ts";
import { depthOf } from "../core/run-id.ts";
import type { Attempt } from "./claimed.ts";
import type { Context } from "./context.ts";
import { ownedBy } from "./run-writes.ts";

/** Stores what an attempt spawned, after the budgets were checked. Nothing of it exists until the attempt's commit points at it. */
export async function writeOutbox(context: Context, { header, run }: Attempt, spawned: Spawned): Promise<string> {
  if (spawned.children.length > LIMITS.spawnedChildren) {
    throw new FanfoldError(
      "too_many_children",
      `a run may spawn ${LIMITS.spawnedChildren} children at once, this one asked for ${spawned.children.length}: make the task an async generator and yield them`,
      {
        details: { children: spawned.children.length, limit: LIMITS.spawnedChildren },
      },
    );
  }
  checkDepth(run.gid);
  const members = spawned.children.map((canvas, k) => compileChild(context, canvas, `/spawned/${k}`));
  const page = `${run.runId}!${run.round}.${run.attempt}`;
  return context.plans.write(page, { policy: spawned.policy, tracking: "lazy", members }, ownedBy(header));
}
export function checkDepth(gid: string): void {
  if (depthOf(gid) + 1 > LIMITS.groupDepth) {
    throw new FanfoldError("too_deep", `groups are nested ${LIMITS.groupDepth} deep already; spawn from a task further up`, {
      details: { limit: LIMITS.groupDepth },
    });
  }
}
/** Compiles a canvas that a task made; its tasks must be known here, so that a misspelt name fails now and not after an hour of grace. */
export function compileChild(context: Context, canvas: Canvas, field: string): Strand {
  const strand = compileCanvas(canvas);
  checkTasks(context, strand, field);
  return strand;
}
export function checkTasks(context: Context, strand: Strand, field: string): void {
  for (const [task, at] of strandTasks(strand)) {
    if (!context.registry.info(task))
      throw new FanfoldError("unknown_task", `no task is called ${JSON.stringify(task.slice(0, LIMITS.nameCharacters))}`, {
        details: { field: `${field}${at}`, task: task.slice(0, LIMITS.nameCharacters) },
      });
  }
}
