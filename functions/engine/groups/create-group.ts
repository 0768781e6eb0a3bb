import { holds, type ValueCondition } from "../../core/canvas/value-condition.ts";
import { ledgerHeight } from "../../core/plan/ledger.ts";
import { isInput, isPaged } from "../../core/plan/plan.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { errorValue } from "../items/short-error.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { createHeader } from "../items/header-writes.ts";
import { childGroup, readRunById } from "../items/run-reads.ts";
import { loadValue } from "../items/values.ts";
import { childPlan } from "../plan/strands.ts";
import { executionName } from "../waits/executions.ts";
import { lastRunId, parentsOf } from "../waits/nodes.ts";

/** The ledger of an open group is two levels high, so it holds width squared pages. */
export const OPEN_HEIGHT = 2;

/**
 * Creates the child group of a waiting run unless it exists, and returns its header. Returns undefined when the header
 * was collected.
 */
export async function createChildGroup(context: Context, parent: Header, run: Run): Promise<Header | undefined> {
  const plan = await childPlan(context, parent, run);
  if (plan === undefined) return readHeader(context, childGroup(run));
  const step = await context.plans.group(plan);
  const common = {
    ...ownedBy(parent),
    round: run.round,
    joins: run.runId,
    policy: step.policy,
    tracking: step.tracking,
    ...(step.ttlSeconds !== undefined && { ttlSeconds: step.ttlSeconds }),
  };
  if (isInput(step.members)) {
    // Pages come from outside.
    return (
      await createHeader(context, childGroup(run), { ...common, height: OPEN_HEIGHT, pages: true, expanded: true })
    ).header;
  }
  if (step.wait) {
    const { of, name, expires } = step.wait;
    const deadline = expires !== undefined && { deadline: context.clock.now() + expires * 1_000 };
    const wait = {
      wait: { of, name, ...(expires !== undefined && { expires }) },
      token: context.ids.token(),
      ...deadline,
    };
    const execution = of === "execution" && { plan, execution: executionName(context, childGroup(run), run.round) };
    return (
      await createHeader(context, childGroup(run), { ...common, ...wait, ...execution, height: 1, expanded: true })
    ).header;
  }
  const input = await inputOf(context, parent, run);
  const only = step.choose && (await chosen(context, step.choose, input));
  const members = isPaged(step.members) ? step.members.count : step.members.length;
  const memberCount = only === undefined ? members : only < members ? 1 : 0;
  const created = await createHeader(context, childGroup(run), {
    ...common,
    ...input,
    ...(only !== undefined && { only }),
    ...(step.repeat && { repeat: step.repeat }),
    ...(step.parents && { graph: true as const }),
    plan,
    memberCount,
    height: ledgerHeight(memberCount, context.config.width),
  });
  return created.header;
}

/**
 * Returns the alternative that a branch takes. The value it depends on does not change, so a repeated call returns the
 * same alternative.
 */
async function chosen(
  context: Context,
  condition: ValueCondition,
  given: Pick<Partial<Header>, "input" | "givesError">,
): Promise<0 | 1> {
  const before = given.input === undefined ? undefined : await readRunById(context, given.input);
  const value =
    before === undefined
      ? null
      : given.givesError
        ? before.error === undefined
          ? null
          : errorValue(before.error)
        : await loadValue(context, before);
  return holds(condition, value) ? 0 : 1;
}

/**
 * Returns what a group gives to the first steps of its members: the value of the step before the group step, or, when
 * that is the first step of a member, what the parent group gives, or what the member follows in a graph.
 */
async function inputOf(context: Context, parent: Header, run: Run): Promise<Partial<Header>> {
  if (run.manifest !== undefined) return {}; // spawned, or a page: no step comes before
  if (run.stepIndex > 0) return { input: runIdOf(run.gid, run.index, run.stepIndex - 1) };
  // A member of a graph that follows several others begins with a task (core/plan/compile.ts).
  const [only] = await parentsOf(context, parent, run.index);
  if (only !== undefined) return { input: await lastRunId(context, parent, only) };
  return {
    ...(parent.input !== undefined && { input: parent.input }),
    ...(givesError(parent) && { givesError: true }),
  };
}
/** Whether the first steps of this group's members are given an error in place of a value. */
export function givesError(header: Header): boolean {
  return header.side === "errors" || header.givesError === true;
}
