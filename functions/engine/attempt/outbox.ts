import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { trackingOf } from "../../core/plan/compile.ts";
import { PlanSize } from "../../core/plan/plan-size.ts";
import { countedPolicy } from "../../core/plan/policy.ts";
import type { Spawned } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { readRunById } from "../items/run-reads.ts";
import { checkBudget } from "../jobs/spawn-budget.ts";
import { checkDepth, compileChild, declaredTracking } from "../plan/compile-child.ts";
import { keptPlace } from "../plan/kept-place.ts";
import type { Attempt } from "./live-attempt.ts";

/**
 * Stores the children that an attempt spawned, after checking their limits. Returns the pointer to the outbox. The
 * children do not exist until the attempt's commit points at them.
 */
export async function writeOutbox(context: Context, { header, run, step }: Attempt, spawned: Spawned): Promise<string> {
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
  const size = new PlanSize();
  const place = keptPlace(context, step);
  const placed = new Set(spawned.placed);
  const members = spawned.children.map((canvas, k) =>
    compileChild(context, canvas, `/spawned/${k}`, size, placed.has(k) ? place : undefined),
  );
  await checkBudget(context, run, members);
  const page = `${run.runId}!${run.round}.${run.attempt}`;
  const tracking = trackingOf(members, declaredTracking(context));
  return (
    await context.plans.write(
      context,
      page,
      { policy: countedPolicy(spawned.policy, members.length), tracking, members },
      ownedBy(header),
    )
  ).pointer;
}
/**
 * Throws when the run is a member of no group whose results could grow: a run of the root, or a link. A run that
 * replaces another one is a member of that run's group.
 */
async function checkMember(context: Context, header: Header): Promise<void> {
  const owner = header.joins === undefined || header.side ? undefined : await readRunById(context, header.joins);
  const above = owner?.takes === "replace" ? await readHeader(context, owner.gid) : undefined;
  if (above) return checkMember(context, above);
  if (!owner) throw new FanfoldError("invalid_request", "this run is a member of no group: addToChord needs one");
}
