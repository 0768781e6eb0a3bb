import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import {
  asHeader,
  attributesOf,
  type Header,
  type HeaderAttributes,
  headerKey,
  ITEM_VERSION,
  type Run,
  type RunAttributes,
  runKey,
  taskKey,
} from "../item-kinds.ts";
import type { Item, Key, PutOp, WriteOp, WriteResult } from "../ports.ts";
import { shardOf } from "../../core/items/shard-of.ts";
import { leafOf } from "../../core/plan/ledger.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import { absent, and, eq, lt, present } from "./conditions.ts";
import { KEPT_ATTRIBUTES } from "./sharing-attributes.ts";
import { readHeaders } from "./header-reads.ts";
import { rootChange, rootCondition, rootRow } from "./root-row.ts";
import { OF_A_WAIT, OF_AN_ATTEMPT } from "./round-writes.ts";
import { idle } from "./run-conditions.ts";
import { identify } from "./run-reads.ts";
import { runWrite, type RunWrite } from "./run-writes.ts";
import { versionHere, versionPart } from "./versions.ts";

/**
 * An identity: a run that jobs share, without a group and without a job (docs/adr/0019). It is a root header with its
 * first row in it, as a job of one task is. It never decides, and is in no index: its row says how far it is, and those
 * who wait for it look after it.
 */
export interface Identity {
  readonly header: Header;
  readonly run: Run;
}
/** What a round of an identity is begun with. */
export interface IdentityStart extends Pick<HeaderAttributes, "step" | "plan"> {
  readonly task: string;
  /** Seconds since the epoch until which it must be kept at least. */
  readonly ttl: number;
  /** Names who begins it (HeaderAttributes). */
  readonly asker: string;
  /** Why it is begun, and the end before where that may still hold. */
  readonly row?: RoundStart;
}
export type RoundStart = Pick<RunAttributes, "asked" | "cause" | "why" | "kept" | "needs" | "due" | "dueShard">;

/** Reads identities consistently, in the order of `gids`. One read unit each. */
export async function readIdentities(
  context: Context,
  gids: readonly string[],
): Promise<readonly (Identity | undefined)[]> {
  return (await readHeaders(context, gids)).map(identityOf);
}
export async function readIdentity(context: Context, gid: string): Promise<Identity | undefined> {
  return (await readIdentities(context, [gid]))[0];
}
function identityOf(header: Header | undefined): Identity | undefined {
  const run = header && rootRow(header);
  return header && run && { header, run };
}

/** Creates an identity unless it exists. One unit while it is under 1 KB. */
export function createIdentityOp(context: Context, gid: string, { task, row: given, ...start }: IdentityStart): PutOp {
  const now = context.clock.now();
  const version = versionPart(versionHere(context, task));
  const row = { status: "queued" as const, round: 0, attempt: 0, task, sentAt: now, ...version, ...given };
  const attributes = {
    v: ITEM_VERSION,
    jobId: gid,
    ...start,
    round: 0,
    state: "open" as const,
    memberCount: 1,
    height: 1,
    policy: "allSuccess" as const,
    tracking: "lazy" as const,
    expanded: true,
    createdAt: now,
    ...rootChange({ set: attributesOf(row) }).set,
  };
  return { op: "put", key: headerKey(gid), attributes: attributesOf(attributes), when: absent() };
}
/** Begins the next round of an identity that has ended as it was seen. One unit while it is under 1 KB. */
export function restartIdentityOp(context: Context, identity: Identity, start: IdentityStart): WriteOp {
  const { task, row, ...own } = start;
  return restartOp(context, identity, { task, ...row }, own, [own.step ? "plan" : "step"]);
}
/** Does so because a run that it depends on has another end. The task and its arguments stay. */
export function renewIdentityOp(context: Context, identity: Identity, ttl: number, row: RoundStart): WriteOp {
  return restartOp(context, identity, row, { ttl }, []);
}
/** A round has the version of the process that begins it, so that no process with a lower one runs it. */
function restartOp(
  context: Context,
  { header, run }: Identity,
  own: Partial<RunAttributes>,
  { ttl, ...more }: Omit<IdentityStart, "task" | "asker" | "row"> & { readonly asker?: string },
  removed: readonly string[],
): WriteOp {
  const round = run.round + 1;
  const all = { ...versionPart(versionHere(context, own.task ?? run.task)), ...own };
  const row = rootChange({
    set: attributesOf({ status: "queued", round, since: round, sentAt: context.clock.now(), ...all }),
    add: { attempt: 1 },
    remove: [...OF_AN_ATTEMPT, ...OF_A_ROUND, ...OF_A_WAIT, ...goneAfter(run)].filter((name) => !(name in all)),
  });
  const set = { ...row.set, ...attributesOf({ ...more, round, ttl: Math.max(ttl, header.ttl) }) };
  const remove = [...(row.remove ?? []), ...removed];
  const change = { ...row, set, remove };
  return { op: "update", key: headerKey(header.gid), change, when: rootCondition(asSeen(run)) };
}
/** The identity is as it was seen. */
export const asSeen = ({ round, status, attempt }: Run) =>
  and(eq("round", round), eq("status", status), eq("attempt", attempt));
/** Failures are in a row until a good end. */
const goneAfter = ({ status, forgotten }: Run): readonly string[] =>
  isSuccess(status) || forgotten ? [...OF_ALL_ROUNDS, "failed"] : OF_ALL_ROUNDS;
const OF_ALL_ROUNDS = ["manifest", "removed", "forgotten"];
/** Lets the code of a round run that finds out whether the end before still holds. One unit. */
export function runAnywayOp({ header, run }: Identity): WriteOp {
  const when = and(eq("round", run.round), present("kept"));
  return {
    op: "update",
    key: headerKey(header.gid),
    change: rootChange({ remove: KEPT_ATTRIBUTES }),
    when: rootCondition(when),
  };
}
/** Attributes of one round of an identity. */
const OF_A_ROUND = ["version", "why", "kept", "needs", "verified", "outcomeHash", "resultsUntil"];
/** Returns what a write of an identity has left. */
export const writtenIdentity = ({ item }: WriteResult): Identity | undefined => identityOf(asHeader(item));
/** Keeps an identity until `ttl` (seconds since the epoch) at least. */
export async function keepIdentity(context: Context, gid: string, ttl: number): Promise<void> {
  const when = and(present(), lt("ttl", ttl));
  await context.store.write({ op: "update", key: headerKey(gid), change: { set: { ttl } }, when });
}

export const subscriptionPartition = (identity: string, shard: number): string => `U#${identity}#${shard}`;
/** Partitions of the subscriptions of one identity. */
export const SUBSCRIBER_SHARDS = 4;
/** Begins the sort key of the subscriptions to a round. */
export const subscriptionRound = (round: number): string => `${pad(round)}#`;
/**
 * Returns the key of the subscription of a run to a round of an identity. Those of the runs of one leaf are neighbours,
 * so that their marks are one write.
 */
export function subscriptionOf(context: Context, gid: string, round: number, ref: RunRef): Key {
  const shard = shardOf(leafText(context, ref), SUBSCRIBER_SHARDS);
  return taskKey(subscriptionPartition(gid, shard), subscriptionRound(round) + placeOfRun(context, ref));
}
const leafText = (context: Context, ref: RunRef): string => `${ref.gid}#${leafOf(ref.index, context.config.width)}`;
/** Returns a text by which the runs of one leaf are neighbours. */
export const placeOfRun = (context: Context, ref: RunRef): string =>
  `${context.ids.hash(leafText(context, ref)).slice(0, LEAF_CHARACTERS)}#${pad(ref.index)}#${pad(ref.stepIndex)}`;
const pad = (value: number): string => String(value).padStart(9, "0");
const LEAF_CHARACTERS = 20;
/** Subscribes a run of a job to a round of an identity. May be repeated. One unit. */
export function subscribeToOp(
  context: Context,
  gid: string,
  round: number,
  ref: RunRef,
  { jobId, ttl, valueless }: Pick<Run, "jobId" | "ttl" | "valueless">,
): PutOp {
  const attributes = { v: ITEM_VERSION, jobId, ttl, runId: identify(ref).runId, ...(valueless && { valueless }) };
  return { op: "put", key: subscriptionOf(context, gid, round, ref), attributes, when: absent() };
}
/** Attribute of subscriptions of runs that take no value. */
export const VALUELESS = "valueless";
export const subscriberOf = ({ attributes }: Item): string => attributes["runId"] as string;

/**
 * Lets a run wait for the end of an identity. `seen` is undefined for a lazy member without a row. Only while the run is
 * idle.
 */
export function awaitIdentityOp(
  context: Context,
  ref: RunRef,
  seen: Run | undefined,
  attributes: Partial<RunAttributes>,
): WriteOp {
  const key = runKey(ref, context.config.width);
  if (!seen) return { op: "put", key, attributes: attributesOf(attributes), when: absent() };
  const { attempt: _attempt, round: _round, ...set } = attributes;
  const change = { set: attributesOf(set), remove: ["notBefore", "due", "dueShard"] };
  return { op: "update", key, change, when: and(eq("round", seen.round), idle(context.clock.now())) };
}
/** Ends runs that wait for an identity, each as it has ended. One unit each. */
export async function adoptEnd(
  context: Context,
  gid: string,
  refs: readonly RunRef[],
  end: Partial<RunAttributes>,
): Promise<readonly RunWrite[]> {
  const change = { set: attributesOf(end), remove: ["unmet", "notBefore", "due", "dueShard"] };
  // A subscription to an earlier round may be left of a run that has asked anew.
  const when = and(eq("status", "deferred"), eq("adopts", gid), lt("adoptsRound", (end.adoptsRound ?? 0) + 1));
  const ops = refs.map((ref): WriteOp => ({ op: "update", key: runKey(ref, context.config.width), change, when }));
  const results = await context.store.writeMany(ops);
  return results.map((result, k) => runWrite(refs[k] as RunRef, result));
}
