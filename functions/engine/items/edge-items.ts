import { canonicalJson, type Json } from "../../core/json.ts";
import { isIdentity, isShared, jobIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { attributesOf, ITEM_VERSION, type Owned, type Run, taskKey } from "../item-kinds.ts";
import type { Attributes, Item, Key, PutOp, WriteOp } from "../ports.ts";
import { placeOfRun, subscriberOf } from "./identity-items.ts";
import { identify } from "./run-reads.ts";
import type { Versions } from "./sharing-attributes.ts";
import { mergeVersions } from "./versions.ts";

/**
 * What runs depend on (docs/adr/0022). An edge leads from a run to an identity, by a name, and says which end of it was
 * consumed. The row of a run names the item with its edges, so that a commit changes both at once. The other way, a
 * dependent is an item of the identity. It is put before the run waits or ends, and never taken back: the row of the run
 * says whether it still counts.
 */
export interface Edge {
  readonly gid: string;
  /** What `outcomeOf` returned for the end that was consumed. Absent for one that had not ended. */
  readonly outcome?: string;
}
export type Edges = ReadonlyMap<string, Edge>;
interface EdgeAttributes extends Owned {
  readonly edges: { readonly [name: string]: Edge };
  readonly closure?: Versions;
}
export interface StoredEdges {
  readonly edges: Edges;
  /** Versions of all tasks upstream that the ends which were consumed were made with. */
  readonly closure: Versions;
  readonly ttl: number;
}

/** Returns a text that is equal for equal ends: whether it is good, why not, and the content of the value. */
export function outcomeOf(context: Context, run: Run): string {
  const { status, error, collects, round, valueHash, value, valueRef, outcomeHash } = run;
  if (outcomeHash !== undefined) return outcomeHash;
  // Results of a group are not compared, so each run of it counts as a change.
  const content = collects === undefined ? (valueHash ?? valueRef ?? value ?? null) : [collects, round];
  const end: Json = isSuccess(status) ? ["good", content as Json] : [status, error?.reason ?? null];
  return context.ids.hash(canonicalJson(end)).slice(0, HASH_CHARACTERS);
}
const HASH_CHARACTERS = 16;

const edgesKey = (runId: string, pointer: string): Key => taskKey(`DE#${runId}`, pointer);
const dependentPartition = (gid: string): string => `U#${gid}#d`;
const nestedPartition = (gid: string): string => `DN#${gid}`;

/** Reads what the last committed attempt of a run depended on. Undefined for a run without dependencies. */
export async function readEdges(
  { store }: Pick<Context, "store">,
  { runId, edges }: Pick<Run, "runId" | "edges">,
): Promise<StoredEdges | undefined> {
  if (edges === undefined) return undefined;
  const item = await store.get(edgesKey(runId, edges), { consistent: true });
  if (!item) return undefined;
  const { edges: stored, closure = {}, ttl } = item.attributes as unknown as EdgeAttributes;
  return { edges: new Map(Object.entries(stored)), closure, ttl };
}
/** Returns the versions of all tasks that the end of an identity was made with, its own and those upstream. */
export async function versionsOf(context: Pick<Context, "store">, run: Run): Promise<Versions> {
  const { task, version = 0 } = run;
  const closure = new Map<string, number>();
  mergeVersions(closure, (await readEdges(context, run))?.closure ?? {});
  if (task !== undefined) mergeVersions(closure, { [task]: version });
  return Object.fromEntries(closure);
}
/**
 * Stores the edges of a run, and puts it among the dependents of what it has not waited for. Returns what its commit
 * names. One unit when the edges have changed, and one for each new edge of an identity.
 */
export async function keepEdges(
  context: Context,
  run: Run,
  edges: Edges,
  upstream: ReadonlyMap<string, number> = NO_VERSIONS,
): Promise<string> {
  const entries = Object.fromEntries([...edges].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const closure = Object.fromEntries(upstream);
  const content = canonicalJson([entries, closure] as unknown as Json);
  const pointer = context.ids.hash(content).slice(0, HASH_CHARACTERS);
  const before = await readEdges(context, run);
  const isKept = before !== undefined && before.ttl >= run.ttl;
  const known = new Set(Object.keys(run.asked ?? {}));
  if (isKept) for (const { gid } of before.edges.values()) known.add(gid);
  const gids = isIdentity(run.gid) ? new Set([...edges.values()].map(({ gid }) => gid)) : [];
  const ops: WriteOp[] = [...gids].filter((gid) => !known.has(gid)).map((gid) => dependentOp(context, gid, run));
  if (!isKept || pointer !== run.edges) {
    const owner = ownerOf(context, run);
    const attributes = { ...owner, edges: entries, ...(upstream.size > 0 && { closure }) };
    ops.push({ op: "put", key: edgesKey(run.runId, pointer), attributes: attributes as unknown as Attributes });
  }
  if (ops.length > 0) await context.store.writeMany(ops);
  return pointer;
}
const NO_VERSIONS: ReadonlyMap<string, number> = new Map();
/** Puts a run among the dependents of an identity. May be repeated. One unit. */
export function dependentOp(context: Context, gid: string, run: RunRef & Pick<Run, "jobId" | "ttl">): PutOp {
  const attributes = { ...attributesOf(ownerOf(context, run)), runId: identify(run).runId };
  return { op: "put", key: taskKey(dependentPartition(gid), placeOfRun(context, run)), attributes };
}
/**
 * Notes at its identity that a run below it waits for another identity. Undefined for a run that is below none. One unit.
 */
export function nestedWaitOp(
  context: Context,
  gid: string,
  run: RunRef & Pick<Run, "jobId" | "ttl">,
): PutOp | undefined {
  if (!isShared(run.gid) || isIdentity(run.gid)) return undefined;
  const key = taskKey(nestedPartition(jobIdOf(run.gid)), `${gid}#${placeOfRun(context, run)}`);
  return { op: "put", key, attributes: { ...attributesOf(ownerOf(context, run)), runId: identify(run).runId } };
}
const ownerOf = (context: Context, run: Pick<Run, "jobId" | "ttl">): Owned => ({
  v: ITEM_VERSION,
  jobId: run.jobId,
  ttl: keptUntil(context, run),
});
/**
 * As long as any job that asks for the end of an identity may keep it, and some time more, so that the next round need
 * not write its edges again.
 */
function keptUntil(context: Context, run: Pick<Run, "jobId" | "ttl">): number {
  return isShared(run.jobId) ? Math.max(run.ttl + SLACK_SECONDS, keptLongest(context)) : run.ttl;
}
/** Returns until when any identity may be kept that somebody asks for now, and some time more. In seconds. */
export function keptLongest({ clock, config }: Context): number {
  const longest = Math.max(config.identityRetentionSeconds, config.maxJobTimeoutSeconds + config.retentionSeconds);
  return Math.ceil(clock.now() / 1_000) + longest + SLACK_SECONDS;
}
const SLACK_SECONDS = 60 * 86_400;

/** Reads a page of the dependents of an identity, or of the runs below it that wait for others. */
export async function readDependents(
  { store }: Pick<Context, "store">,
  gid: string,
  { limit, after, nested = false }: { readonly limit: number; readonly after?: string; readonly nested?: boolean },
): Promise<{ readonly runIds: readonly string[]; readonly items: readonly Item[]; readonly cursor?: string }> {
  const partition = nested ? nestedPartition(gid) : dependentPartition(gid);
  const { items, cursor } = await store.query("tasks", partition, {
    limit,
    ...(after !== undefined && { cursor: after }),
  });
  return { runIds: items.map(subscriberOf), items, ...(cursor !== undefined && { cursor }) };
}
