import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { trackingOf } from "../../core/plan/compile.ts";
import { countedPolicy } from "../../core/plan/policy.ts";
import type { Spawned } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { readRunById } from "../items/run-reads.ts";
import { checkDepth, compileChild, declaredTracking } from "../plan/compile-child.ts";
import type { Attempt } from "./held-attempt.ts";

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
