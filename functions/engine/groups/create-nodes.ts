import { isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy, type RunAttributes } from "../item-kinds.ts";
import { nodeDependency } from "../waits/nodes.ts";

/** Returns the first row of a member of a graph that follows others. */
export function waitingNode(
  context: Context,
  header: Header,
  step: PlanStep,
  parents: readonly number[],
): Partial<RunAttributes> {
  return {
    ...ownedBy(header),
    status: "deferred",
    round: header.round,
    attempt: 0,
    unmet: new Set(parents.map(nodeDependency)),
    sentAt: context.clock.now(),
    ...(!isGroupStep(step) && { task: step.task }),
  };
}
