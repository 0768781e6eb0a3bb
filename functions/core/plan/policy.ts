import type { FailurePolicy } from "../canvas/canvas.ts";

/** Returns how many failed members a group of this policy tolerates. */
function allowance(policy: FailurePolicy): number {
  if (policy === "settled") return Number.POSITIVE_INFINITY;
  return typeof policy === "object" && "threshold" in policy ? policy.threshold : 0;
}
/** Returns the policy with a share of the members turned into a number of members. */
export function countedPolicy(policy: FailurePolicy, members: number): FailurePolicy {
  return typeof policy === "object" && "percent" in policy
    ? { threshold: Math.floor((members * policy.percent) / 100) }
    : policy;
}
/** Returns the outcome of a group whose ledger is full. */
export function outcomeOf(policy: FailurePolicy, failedMembers: number): "complete" | "failed" {
  return failedMembers > allowance(policy) ? "failed" : "complete";
}
/** Returns whether the group fails without waiting for its other members. */
export function failsEarly(policy: FailurePolicy, failedMembers: number): boolean {
  if (policy === "failFast") return failedMembers > 0;
  return typeof policy === "object" && failedMembers > allowance(policy);
}
/**
 * Returns the policy of one page of an open group. Failures count for the group as a whole, so a page waits for all its
 * members. With `failFast` the first failure ends the page as well.
 */
export function pagePolicy(policy: FailurePolicy): FailurePolicy {
  return policy === "failFast" ? "failFast" : "settled";
}
