import type { Counts } from "../../core/plan/counts.ts";
import type { Context } from "../context.ts";
import { asHeader, attributesOf, type Header, type HeaderAttributes, headerKey, OPEN_SHARDS, openShard, type Outcome, shardOf } from "../item-kinds.ts";
import type { Change, Condition } from "../ports.ts";
import { absent, and, eq, present } from "./conditions.ts";

/**
 * Every write on a group header. All but the first have `present`: a collected header is never created again. A header under 1 KB costs one unit a
 * write, and one or two more when its entry in the index of open headers appears, moves or vanishes.
 */
export interface HeaderWrite {
  readonly applied: boolean;
  readonly header: Header | undefined;
}
async function update(context: Context, gid: string, change: Change, when: Condition): Promise<HeaderWrite> {
  const { applied, item } = await context.store.write({ op: "update", key: headerKey(gid), change, when: and(present(), when) });
  return { applied, header: asHeader(item) };
}

/** The one that stands there is the truth: an earlier attempt may have created it. */
export async function createHeader(
  context: Context,
  gid: string,
  header: Omit<HeaderAttributes, "state" | "createdAt" | "openShard" | "nextCheck">,
): Promise<HeaderWrite> {
  const createdAt = context.clock.now();
  const attributes = attributesOf({
    ...header,
    state: "open",
    createdAt,
    openShard: openShard(shardOf(gid, OPEN_SHARDS)),
    nextCheck: Math.min(createdAt + context.config.sweepSeconds * 1_000, header.deadline ?? Number.POSITIVE_INFINITY),
  });
  const { applied, item } = await context.store.write({ op: "put", key: headerKey(gid), attributes, when: absent() });
  return { applied, header: asHeader(item) };
}
/** Every range has been sent. */
export async function setExpanded(context: Context, gid: string): Promise<HeaderWrite> {
  return update(context, gid, { set: { expanded: true } }, present());
}
/** Seals an open group: from now on its ledger has an end. The caller must look at the right edge afterwards, also when it was sealed already. */
export async function setMemberCount(context: Context, gid: string, memberCount: number, ownValue: HeaderAttributes["ownValue"]): Promise<HeaderWrite> {
  return update(context, gid, { set: attributesOf(ownValue === undefined ? { memberCount } : { memberCount, ownValue }) }, absent("memberCount"));
}
/** Seals a group that waits for an answer, with the answer: the first one stays. */
export async function setAnswer(context: Context, gid: string, answer: Pick<HeaderAttributes, "ownValue" | "ownError" | "answerId">): Promise<HeaderWrite> {
  return update(context, gid, { set: attributesOf({ memberCount: 0, ...answer }) }, and(present("wait"), absent("memberCount"), absent("outcome")));
}
export async function setFirstError(context: Context, gid: string, round: number, runId: string): Promise<HeaderWrite> {
  return update(context, gid, { set: { firstError: runId } }, and(eq("round", round), absent("firstError")));
}
/** `mark`: `<member>~<step>`, from which step on the member's strand must not go on. */
export async function addRevoked(context: Context, gid: string, mark: string): Promise<HeaderWrite> {
  return update(context, gid, { add: { revoked: new Set([mark]) } }, absent("outcome"));
}
/** Of a root. Absent outcome: what has decided starts nothing more. */
export async function addRevokedStamps(context: Context, gid: string, stamps: ReadonlySet<string>): Promise<HeaderWrite> {
  return update(context, gid, { add: { revokedStamps: stamps } }, absent("outcome"));
}
/** Once per round: the first outcome stays. */
export async function setOutcome(context: Context, gid: string, round: number, outcome: Outcome, totals: Counts, early: boolean): Promise<HeaderWrite> {
  return update(context, gid, { set: { outcome, totals, ...(early && { early }) } }, and(eq("round", round), absent("outcome")));
}
/** Last of all: takes the header out of the sweeper's sight. Refused while an execution may run, unless `stopped` says that none does. */
export async function closeHeader(context: Context, gid: string, round: number, stopped = false): Promise<HeaderWrite> {
  const over = stopped ? [] : [absent("execution")];
  return update(context, gid, { set: { state: "closed" }, remove: ["openShard", "nextCheck"] }, and(eq("round", round), present("outcome"), ...over));
}
/** When the sweeper looks again. Only while open: it must not come back into the index. */
export async function setNextCheck(context: Context, gid: string, seenMarks: number, stalls: number, nextCheck: number): Promise<HeaderWrite> {
  return update(context, gid, { set: { seenMarks, stalls, nextCheck } }, eq("state", "open"));
}
