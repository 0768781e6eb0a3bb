import { holds, type ValueCondition } from "../../core/canvas/value-condition.ts";
import { ledgerHeight } from "../../core/plan/ledger.ts";
import { isInput, isPaged } from "../../core/plan/plan.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { errorValue, type Header, ownedBy, type Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { createHeader } from "../items/header-writes.ts";
import { childGroup, readRunById } from "../items/run-reads.ts";
import { loadValue } from "../items/values.ts";
import { childPlan } from "../plan/strands.ts";
import { executionName } from "../waits/executions.ts";

/** An open group's tree is two levels high: width squared pages. */
export const OPEN_HEIGHT = 2;

/** The child group of a waiting row, as it stands once this has returned; undefined: its plan is gone. */
export async function createChildGroup(context: Context, parent: Header, run: Run): Promise<Header | undefined> {
  const plan = await childPlan(context, parent, run);
  if (plan === undefined) return readHeader(context, childGroup(run));
  const step = await context.plans.group(plan);
  const common = { ...ownedBy(parent), round: run.round, joins: run.runId, policy: step.policy, tracking: step.tracking };
  if (isInput(step.members)) {
    // Pages come from outside.
    return (await createHeader(context, childGroup(run), { ...common, height: OPEN_HEIGHT, pages: true, expanded: true })).header;
  }
  if (step.wait) {
    const { of, name, expires } = step.wait;
    const deadline = expires !== undefined && { deadline: context.clock.now() + expires * 1_000 };
    const wait = { wait: { of, name, ...(expires !== undefined && { expires }) }, token: context.ids.token(), ...deadline };
    const execution = of === "execution" && { plan, execution: executionName(context, childGroup(run), run.round) };
    return (await createHeader(context, childGroup(run), { ...common, ...wait, ...execution, height: 1, expanded: true })).header;
  }
  const input = inputOf(parent, run);
  const only = step.choose && (await chosen(context, step.choose, input));
  const members = isPaged(step.members) ? step.members.count : step.members.length;
  const memberCount = only === undefined ? members : only < members ? 1 : 0;
  const created = await createHeader(context, childGroup(run), {
    ...common,
    ...input,
    ...(only !== undefined && { only }),
    ...(step.repeat && { repeat: step.repeat }),
    plan,
    memberCount,
    height: ledgerHeight(memberCount, context.config.width),
  });
  return created.header;
}

/** The way that a branch takes: a question to a value that does not change, so whoever asks again goes the same way. */
async function chosen(context: Context, condition: ValueCondition, given: Pick<Partial<Header>, "input" | "givesError">): Promise<0 | 1> {
  const before = given.input === undefined ? undefined : await readRunById(context, given.input);
  const value =
    before === undefined ? null : given.givesError ? (before.error === undefined ? null : errorValue(before.error)) : await loadValue(context, before);
  return holds(condition, value) ? 0 : 1;
}

/** A group step hands on what it was given: the value of the step before, or, as the first step of a member, what the members around it were given. */
function inputOf(parent: Header, run: Run): Partial<Header> {
  if (run.manifest !== undefined) return {}; // spawned, or a page: nothing comes before
  if (run.stepIndex > 0) return { input: runIdOf(run.gid, run.index, run.stepIndex - 1) };
  return { ...(parent.input !== undefined && { input: parent.input }), ...(givesError(parent) && { givesError: true }) };
}
/** The first steps of this group's members are given an error in place of a value. */
export function givesError(header: Header): boolean {
  return header.side === "errors" || header.givesError === true;
}
