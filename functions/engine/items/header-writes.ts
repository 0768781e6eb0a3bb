import { shardOf } from "../../core/items/shard-of.ts";
import type { Counts } from "../../core/plan/counts.ts";
import { expiryFrom } from "../../core/plan/group-expiry.ts";
import type { Context } from "../context.ts";
import {
  asHeader,
  attributesOf,
  type Header,
  type HeaderAttributes,
  headerKey,
  OPEN_SHARDS,
  openShard,
  type Outcome,
} from "../item-kinds.ts";
import type { Change, Condition } from "../ports.ts";
import { absent, and, eq, lt, present } from "./conditions.ts";

/**
 * Every conditional write on a group header. All but `createHeader` require the header to be present, so a collected
 * header is never created again. A write of a header under 1 KB costs one unit. It costs one or two more when the
 * header's entry in the index of open headers appears, moves or vanishes.
 */
export interface HeaderWrite {
  readonly applied: boolean;
  /** The header as it is now. Absent when there is none. */
  readonly header: Header | undefined;
}
async function update(context: Context, gid: string, change: Change, when: Condition): Promise<HeaderWrite> {
  const { applied, item } = await context.store.write({
    op: "update",
    key: headerKey(gid),
    change,
    when: and(present(), when),
  });
  return { applied, header: asHeader(item) };
}

/** Creates a header. An existing header stays as it is, because an earlier attempt may have created it. */
export async function createHeader(
  context: Context,
  gid: string,
  header: Omit<HeaderAttributes, "state" | "createdAt" | "openShard" | "nextCheck">,
  createdAt = context.clock.now(),
): Promise<HeaderWrite> {
  const attributes = attributesOf({
    ...header,
    ...(header.round > 0 && { since: header.round }),
    state: "open",
    createdAt,
    openShard: openShard(shardOf(gid, OPEN_SHARDS)),
    nextCheck: Math.min(createdAt + context.config.sweepSeconds * 1_000, header.deadline ?? Number.POSITIVE_INFINITY),
  });
  const { applied, item } = await context.store.write({ op: "put", key: headerKey(gid), attributes, when: absent() });
  return { applied, header: asHeader(item) };
}
/** Notes that every range of members has been sent. */
export async function setExpanded(context: Context, gid: string): Promise<HeaderWrite> {
  return update(context, gid, { set: { expanded: true } }, present());
}
/** What a seal says beside the number of members. */
export type Seal = Pick<HeaderAttributes, "ownValue" | "ownItems" | "handedOn">;
/**
 * Seals an open group, so its ledger has an end from now on. The caller must check the right edge afterwards, even when
 * the group was sealed before.
 */
export async function setMemberCount(
  context: Context,
  gid: string,
  memberCount: number,
  more: Seal = {},
): Promise<HeaderWrite> {
  return update(context, gid, { set: attributesOf({ memberCount, ...more }) }, absent("memberCount"));
}
/** Seals an open group that nobody has sealed in this round, with the pages that it has. */
export async function cutAt(context: Context, gid: string, round: number, memberCount: number): Promise<HeaderWrite> {
  const change = { set: attributesOf({ memberCount, cut: true as const }) };
  return update(context, gid, change, and(eq("round", round), absent("memberCount")));
}
/** Seals a group that waits for an answer, with that answer. The first answer stays. */
export async function setAnswer(
  context: Context,
  gid: string,
  answer: Pick<HeaderAttributes, "ownValue" | "ownError" | "answerId">,
): Promise<HeaderWrite> {
  return update(
    context,
    gid,
    { set: attributesOf({ memberCount: 0, ...answer }) },
    and(present("wait"), absent("memberCount"), absent("outcome")),
  );
}
/** Notes the run that failed first in this round. The first one stays. */
export async function setFirstError(context: Context, gid: string, round: number, runId: string): Promise<HeaderWrite> {
  return update(context, gid, { set: { firstError: runId } }, and(eq("round", round), absent("firstError")));
}
/** Revokes a member. `revocation` is `<member>~<step>`, with the first step that must not run. */
export async function addRevoked(context: Context, gid: string, revocation: string): Promise<HeaderWrite> {
  return update(context, gid, { add: { revoked: new Set([revocation]) } }, absent("outcome"));
}
/** Revokes stamps on a root header. Refused after the root has decided, because a decided group starts nothing more. */
export async function addRevokedStamps(
  context: Context,
  gid: string,
  stamps: ReadonlySet<string>,
): Promise<HeaderWrite> {
  return update(context, gid, { add: { revokedStamps: stamps } }, absent("outcome"));
}
/** Decides a group, once per round. The first outcome stays, and with it the time from which its expiry counts. */
export async function setOutcome(
  context: Context,
  { gid, ttlSeconds }: Pick<Header, "gid" | "ttlSeconds">,
  round: number,
  outcome: Outcome,
  totals: Counts,
  early: boolean,
): Promise<HeaderWrite> {
  const expiry = ttlSeconds === undefined ? undefined : expiryFrom({ ttlSeconds }, context.clock.now());
  return update(context, gid, { set: { outcome, totals, ...(early && { early }), ...expiry } }, undecided(round));
}
/** Decides a root by how its one member ended, and ends its job. Closes it unless more must happen before. */
export async function endRoot(
  context: Context,
  gid: string,
  round: number,
  end: Partial<HeaderAttributes>,
  close: boolean,
): Promise<HeaderWrite> {
  return update(context, gid, rootEnd(end, close), undecided(round));
}
export const rootEnd = (end: Partial<HeaderAttributes>, close: boolean): Change =>
  close ? { set: attributesOf({ ...end, state: "closed" }), remove: OF_AN_OPEN_HEADER } : { set: attributesOf(end) };
export const undecided = (round: number): Condition => and(eq("round", round), absent("outcome"));
const OF_AN_OPEN_HEADER = ["openShard", "nextCheck", "reopening"];
/** Notes when a job ended whose root had decided before that. */
export async function setEndedAt(context: Context, gid: string, round: number, endedAt: number): Promise<HeaderWrite> {
  return update(context, gid, { set: { endedAt } }, and(eq("round", round), present("outcome"), absent("endedAt")));
}
/**
 * Closes a decided group, which takes its header out of the index of open headers. This is the last write of a round.
 * Refused while an execution may still run, unless `stopped` says that none does.
 */
export async function closeHeader(context: Context, gid: string, round: number, stopped = false): Promise<HeaderWrite> {
  const executionEnded = stopped ? [] : [absent("execution")];
  return update(
    context,
    gid,
    { set: { state: "closed" }, remove: OF_AN_OPEN_HEADER },
    and(eq("round", round), present("outcome"), ...executionEnded),
  );
}
/**
 * Opens a decided group again, in a later round. From this write on the nodes of that round count. Refused when the group
 * is in that round already, and while it has not decided.
 */
export async function openAgain(
  context: Context,
  { gid, deadline }: Header,
  round: number,
  set: Partial<HeaderAttributes>,
  remove: readonly string[],
): Promise<HeaderWrite> {
  const next = context.clock.now() + context.config.sweepSeconds * 1_000;
  const opened = {
    ...set,
    state: "open" as const,
    round,
    openShard: openShard(shardOf(gid, OPEN_SHARDS)),
    nextCheck: Math.min(next, set.deadline ?? deadline ?? next),
  };
  const change = {
    set: attributesOf(opened),
    add: { rounds: new Set([round]) },
    remove: ["outcome", "totals", "early", "expiresAt", "seenMarks", "stalls", ...OF_AN_END, ...remove],
  };
  return update(context, gid, change, and(lt("round", round), present("outcome")));
}
/** How a job ended. Only roots have these. */
const OF_AN_END = ["endedAt", "lastStep", "error", "value", "valueRef", "collects"];
/** Notes that all members of earlier rounds that run again have been taken up. */
export async function setReopened(context: Context, gid: string, round: number): Promise<HeaderWrite> {
  return update(context, gid, { remove: ["reopening"] }, eq("round", round));
}
/**
 * Sets when the sweeper checks the group again. Refused once closed, because the header must not come back into the
 * index.
 */
export async function setNextCheck(
  context: Context,
  gid: string,
  seenMarks: number,
  stalls: number,
  nextCheck: number,
): Promise<HeaderWrite> {
  return update(context, gid, { set: { seenMarks, stalls, nextCheck } }, eq("state", "open"));
}
