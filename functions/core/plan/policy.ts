import type { FailurePolicy } from "../canvas/canvas.ts";

/** Failed members a group of this policy lets pass and still completes. */
function allowance(policy: FailurePolicy): number {
  if (policy === "settled") return Number.POSITIVE_INFINITY;
  return typeof policy === "object" && "threshold" in policy ? policy.threshold : 0;
}
/** A share of the members as a number of them. */
export function countedPolicy(policy: FailurePolicy, members: number): FailurePolicy {
  return typeof policy === "object" && "percent" in policy ? { threshold: Math.floor((members * policy.percent) / 100) } : policy;
}
/** Outcome of a group whose ledger is full. */
export function outcomeOf(policy: FailurePolicy, failedMembers: number): "complete" | "failed" {
  return failedMembers > allowance(policy) ? "failed" : "complete";
}
/** `true`: the group need not wait for its other members any more. */
export function failsEarly(policy: FailurePolicy, failedMembers: number): boolean {
  if (policy === "failFast") return failedMembers > 0;
  return typeof policy === "object" && failedMembers > allowance(policy);
}
/** A page of an open group counts its failures for the group as a whole, so it settles by itself, unless the first failure ends everything. */
export function pagePolicy(policy: FailurePolicy): FailurePolicy {
  return policy === "failFast" ? "failFast" : "settled";
}
