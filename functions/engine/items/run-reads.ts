import { shardOf } from "../../core/items/shard-of.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { childGroupOf, parseRunId, runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import {
  asRun,
  DUE_SHARDS,
  dueShard,
  type Header,
  leafPartition,
  type Run,
  type RunAttributes,
  runKey,
  runSort,
} from "../item-kinds.ts";
import type { Item } from "../ports.ts";
import { allOf } from "./all-of.ts";

/** Returns what the key of a run says of it. */
export function identify(ref: RunRef): RunRef & { runId: string } {
  return {
    gid: ref.gid,
    index: ref.index,
    stepIndex: ref.stepIndex,
    runId: runIdOf(ref.gid, ref.index, ref.stepIndex),
  };
}
/** Reads a run consistently. One read unit. */
export async function readRun(context: Context, ref: RunRef): Promise<Run | undefined> {
  return asRun(await context.store.get(runKey(ref, context.config.width), { consistent: true }), identify(ref));
}
export async function readRunById(context: Context, runId: string): Promise<Run | undefined> {
  const ref = parseRunId(runId);
  return ref && readRun(context, ref);
}
/** Reads runs consistently, in the order given. An entry is undefined when the run has no row. */
export async function readRuns(context: Context, refs: readonly RunRef[]): Promise<(Run | undefined)[]> {
  const runs: (Run | undefined)[] = [];
  for (let from = 0; from < refs.length; from += 100) {
    const slice = refs.slice(from, from + 100);
    const items = await context.store.getMany(slice.map((ref) => runKey(ref, context.config.width)));
    items.forEach((item, k) => runs.push(asRun(item, identify(slice[k] as RunRef))));
  }
  return runs;
}
/** Reads all rows of a leaf, in order of member and step. */
export async function readLeaf(context: Context, gid: string, leaf: number): Promise<Run[]> {
  const runs: Run[] = [];
  for await (const { items } of allOf((after) => context.store.query("tasks", leafPartition(gid, leaf), after))) {
    for (const item of items) runs.push(runOfLeaf(context, gid, leaf, item));
  }
  return runs;
}
/** Reads the rows of a leaf that one query gives, in order of member and step. */
export async function readLeafPage(context: Context, gid: string, leaf: number): Promise<Run[]> {
  const { items } = await context.store.query("tasks", leafPartition(gid, leaf));
  return items.map((item) => runOfLeaf(context, gid, leaf, item));
}
function runOfLeaf(context: Context, gid: string, leaf: number, item: Item): Run {
  const [, local, step] = item.key.sort.split("#");
  return asRun(
    item,
    identify({ gid, index: leaf * context.config.width + Number(local), stepIndex: Number(step) }),
  ) as Run;
}
/** Reads the rows of a member, in order of its steps. */
export async function readMember(context: Context, gid: string, index: number): Promise<Run[]> {
  const { width } = context.config;
  const leaf = leafOf(index, width);
  const local = localIndex(index, width);
  const range = { from: runSort(local, 0), to: runSort(local, 9_999) };
  const runs: Run[] = [];
  for await (const { items } of allOf((after) =>
    context.store.query("tasks", leafPartition(gid, leaf), { ...range, ...after }),
  ))
    for (const item of items) runs.push(runOfLeaf(context, gid, leaf, item));
  return runs;
}
/**
 * Returns the rows that count, of rows in order of member and step. When a step was taken up again in a later round, the
 * rows of the steps after it stay as they were until these begin anew. They say nothing any more.
 */
export function currentRows(rows: readonly Run[]): readonly Run[] {
  let last: Run | undefined;
  return rows.filter((run) => {
    if (last?.index === run.index && run.round < last.round) return false;
    last = run;
    return true;
  });
}
/** Reads the last step of a member that has a row. The state of that step is the state of the member. */
export async function readLastStep(
  context: Context,
  { gid, round }: Pick<Header, "gid" | "round">,
  index: number,
): Promise<Run | undefined> {
  const { width } = context.config;
  const leaf = leafOf(index, width);
  const local = localIndex(index, width);
  const range = { from: runSort(local, 0), to: runSort(local, 9_999), limit: 1, descending: true };
  const { items } = await context.store.query("tasks", leafPartition(gid, leaf), range);
  const last = items[0] && runOfLeaf(context, gid, leaf, items[0]);
  if (!last || last.stepIndex === 0 || last.round >= round) return last;
  return currentRows(await readMember(context, gid, index)).at(-1);
}

/**
 * Returns the child group that a run has opened or may have opened. A run that streams names its group only once it
 * waits for it, and never when it fails before that.
 */
export function openedGroup(run: Run): string | undefined {
  if (run.joins !== undefined) return run.joins;
  return run.attempt > 0 && !isSuccess(run.status) ? childGroup(run) : undefined;
}
export const childGroup = (run: Pick<Run, "runId" | "since">): string => childGroupOf(run.runId, run.since);

/**
 * Returns the attributes that start a run later: by the delay of its message when that is long enough, else by the due
 * index.
 */
export function duePart(context: Context, runId: string, notBefore: number, now: number): Partial<RunAttributes> {
  if (notBefore - now <= context.queue.maxDelaySeconds * 1_000) return { notBefore };
  return { notBefore, ...dueAt(runId, notBefore) };
}
const dueAt = (runId: string, due: number): Pick<Run, "due" | "dueShard"> => ({ due, dueShard: dueShardOf(runId) });
export const dueShardOf = (runId: string): string => dueShard(shardOf(runId, DUE_SHARDS));
/** Puts a run into the index of due rows, where the sweep meets it at `at`. The sweep looks ahead, so that lies later. */
export const metAt = ({ queue }: Pick<Context, "queue">, runId: string, at: number): Pick<Run, "due" | "dueShard"> =>
  dueAt(runId, at + queue.maxDelaySeconds * 1_000);
/**
 * Lets the sweep look after an identity that nobody waits for, until it has ended. Each time it sends the message again,
 * and looks again after twice as long.
 */
export function attended(
  context: Context,
  { runId, sends = 0, notBefore = 0 }: Pick<Run, "runId" | "sends" | "notBefore">,
): Pick<Run, "due" | "dueShard"> {
  const from = Math.max(context.clock.now(), notBefore);
  return metAt(context, runId, from + context.config.resendSeconds * 1_000 * 2 ** Math.min(sends, 6));
}
type Valued = Partial<Pick<RunAttributes, "value" | "valueRef" | "collects">>;
/** Returns the value attributes of a terminal run, for a run or job that takes over its value. */
export function copyOfValue(run: Valued | undefined): Valued {
  return {
    ...(run?.value !== undefined && { value: run.value }),
    ...(run?.valueRef !== undefined && { valueRef: run.valueRef }),
    ...(run?.collects !== undefined && { collects: run.collects }),
  };
}
