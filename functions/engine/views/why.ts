import { isIdentity, runIdOf } from "../../core/plan/run-id.ts";
import type { RunWhy } from "../../core/task/run-cause.ts";
import type { Run } from "../item-kinds.ts";

/** Returns why a run has run in its present round, or why no code of it ran. Costs nothing. */
export function whyOf(run: Run): RunWhy {
  const { gid, index, stepIndex, round, since, adopts, adoptsRound = 0, reused, why, cause } = run;
  if (adopts !== undefined)
    return { of: reused ? "reused" : "shared", runId: runIdOf(adopts, 0, 0), round: adoptsRound };
  if (isIdentity(gid)) {
    const by = cause?.at(-1);
    // A change that was found while a version was looked into says more than the version.
    if (by !== undefined && why === undefined) return { of: "dependency", runId: runIdOf(by, 0, 0) };
    return why ?? { of: "first" };
  }
  if (round === 0) return { of: "first" };
  if (since === round && stepIndex > 0) return { of: "input", runId: runIdOf(gid, index, stepIndex - 1) };
  return { of: "retry" };
}
