import type { Context } from "../context.ts";
import { attributesOf, type Run, type RunAttributes } from "../item-kinds.ts";
import type { Condition } from "../ports.ts";
import { and, eq, lt, not } from "./conditions.ts";
import { CANCELLED } from "./end-reasons.ts";
import { leaseOver, notTerminal } from "./run-conditions.ts";
import { type RunWrite, updateRun } from "./run-writes.ts";

/**
 * Queues a run again in a later round, as if it had never started. `attempt` rises, which fences an old holder. `anew`
 * gives it a child group of its own, and so does the round in which a step begins anew (`beginAnew`).
 */
export async function queueAgain(context: Context, run: Run, round: number, anew: boolean): Promise<RunWrite> {
  const set = { status: "queued" as const, round, sentAt: context.clock.now(), ...(anew && { since: round }) };
  const remove = [...OF_AN_ATTEMPT, ...OF_A_WAIT];
  return updateRun(context, run, { set, add: { attempt: 1 }, remove }, asSeen(context, run, round));
}
/**
 * Lets the first run of a member of a graph wait again for the members that it follows, as if it had never started. It
 * begins anew, with a child group of its own.
 */
export async function deferAgain(
  context: Context,
  run: Run,
  round: number,
  unmet: readonly string[],
): Promise<RunWrite> {
  const set = { status: "deferred" as const, round, since: round, sentAt: context.clock.now(), unmet: new Set(unmet) };
  const remove = [...OF_AN_ATTEMPT, ...OF_A_WAIT].filter((name) => name !== "unmet");
  return updateRun(context, run, { set: attributesOf(set), add: { attempt: 1 }, remove }, asSeen(context, run, round));
}
/** Lets a run wait again for its child group, which a later round opens again. What it had made itself stays. */
export async function waitAgain(context: Context, run: Run, round: number): Promise<RunWrite> {
  const change = { set: { status: "waiting" as const, round }, remove: OF_AN_ATTEMPT };
  return updateRun(context, run, change, asSeen(context, run, round));
}
/** Begins a step anew, because the step before it ran again. Its row is of an earlier round. */
export async function beginAnew(
  context: Context,
  seen: Run,
  round: number,
  attributes: Partial<RunAttributes>,
): Promise<RunWrite> {
  const { attempt: _attempt, ...set } = attributes;
  const remove = [...OF_AN_ATTEMPT, ...OF_A_WAIT, "manifest"].filter((name) => !(name in set));
  const change = { set: attributesOf({ ...set, round, since: round }), add: { attempt: 1 }, remove };
  return updateRun(context, seen, change, free(context, round));
}
/** Keeps the end of a step although the step before it ran again. Only the counters before it change. */
export async function keepStep(
  context: Context,
  seen: Run,
  round: number,
  carry: RunAttributes["carry"],
): Promise<RunWrite> {
  const set = attributesOf({ round, ...(carry && { carry }) });
  return updateRun(context, seen, { set }, and(lt("round", round), eq("status", seen.status)));
}
/** Ends a step of an earlier round that had not ended. A step before it runs again, so it begins anew later. */
export async function cancelVoid(context: Context, run: Run, round: number): Promise<RunWrite> {
  const end = { status: "cancelled" as const, counts: {}, endedAt: context.clock.now() };
  const set = attributesOf({ ...end, error: CANCELLED.unfinishedRun("upstream") });
  const remove = ["leaseOwner", "leaseUntil", "notBefore", "due", "dueShard", "unmet"];
  return updateRun(context, run, { set, remove }, and(free(context, round), notTerminal));
}
/** Attributes of one try to run, which a later round must not see. */
export const OF_AN_ATTEMPT: readonly string[] = [
  "among",
  "startedAt",
  "endedAt",
  "error",
  "counts",
  "value",
  "valueRef",
  "collects",
  "failCount",
  "unreachable",
  "killsAlone",
  "alone",
  "died",
  "deadLetters",
  "notBefore",
  "due",
  "dueShard",
  "expiresAt",
  "unknownSince",
  "unmet",
  "adopts",
  "adoptsRound",
  "reused",
  "valueless",
  "asked",
  "cause",
  "valueHash",
  "eventDeadlines",
  "parked",
  "leaseOwner",
  "leaseUntil",
  "sends",
];
/** Attributes of the wait for a child group. */
export const OF_A_WAIT: readonly string[] = [
  "joins",
  "takes",
  "ownCounts",
  "ownValue",
  "ownValueRef",
  "openGroup",
  "handedOn",
];
/** Nor has the run ended since it was read: a frozen holder may end it well, and then it does not run again. */
const asSeen = (context: Context, { status }: Run, round: number): Condition =>
  and(free(context, round), eq("status", status));
/** The row is of an earlier round, and no worker holds it. */
const free = (context: Context, round: number): Condition =>
  and(lt("round", round), not(and(eq("status", "started"), not(leaseOver(context, context.clock.now())))));
