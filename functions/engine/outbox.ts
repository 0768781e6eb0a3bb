import type { Canvas } from "../core/canvas.ts";
import { compileCanvas, type DeclaredTracking, strandTasks, trackingOf } from "../core/compile.ts";
import { FanfoldError } from "../core/errors.ts";
import type { Spawned } from "../core/invocation.ts";
import { LIMITS } from "../core/limits.ts";
import type { Strand } from "../core/plan.ts";
import { countedPolicy } from "../core/policy.ts";
import { depthOf } from "../core/run-id.ts";
import type { Attempt } from "./claimed.ts";
import type { Context } from "./context.ts";
import { type Header, ownedBy } from "./item-kinds.ts";
import { readHeader } from "./items/header-reads.ts";
import { readRunById } from "./items/run-reads.ts";

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
  if (spawned.value === "extras") await checkMember(context, header);
  const members = spawned.children.map((canvas, k) => compileChild(context, canvas, `/spawned/${k}`));
  const page = `${run.runId}!${run.round}.${run.attempt}`;
  const tracking = trackingOf(members, declaredTracking(context));
  return (await context.plans.write(page, { policy: countedPolicy(spawned.policy, members.length), tracking, members }, ownedBy(header))).pointer;
}
/** What replaces a run stands in its place; beside a run that has ended, and in the root, there is no group whose results could grow. */
async function checkMember(context: Context, header: Header): Promise<void> {
  const owner = header.joins === undefined || header.side ? undefined : await readRunById(context, header.joins);
  const above = owner?.takes === "replace" ? await readHeader(context, owner.gid) : undefined;
  if (above) return checkMember(context, above);
  if (!owner) throw new FanfoldError("invalid_request", "this run is a member of no group: addToChord needs one");
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
