import { FanfoldError } from "../../core/errors.ts";
import { leafOf, localIndex } from "../../core/ledger.ts";
import { isGroupStep, type Strand } from "../../core/plan.ts";
import { childGroupOf, parseRunId, runIdOf, type RunRef } from "../../core/run-id.ts";
import { isSuccess } from "../../core/run-state.ts";
import { holds } from "../../core/value-condition.ts";
import type { Context } from "../context.ts";
import { asRun, DUE_SHARDS, dueShard, type Header, leafPartition, type Run, type RunAttributes, runKey, runSort, shardOf } from "../item-kinds.ts";
import type { Item } from "../ports.ts";
import { loadValue } from "./values.ts";

/** Reading runs, and finding in the plan what they do. */

export function identify(ref: RunRef): RunRef & { runId: string } {
  return { gid: ref.gid, index: ref.index, step: ref.step, runId: runIdOf(ref.gid, ref.index, ref.step) };
}
export async function readRun(context: Context, ref: RunRef): Promise<Run | undefined> {
  return asRun(await context.store.get(runKey(ref, context.config.width), { consistent: true }), identify(ref));
}
export async function readRunById(context: Context, runId: string): Promise<Run | undefined> {
  const ref = parseRunId(runId);
  return ref && readRun(context, ref);
}
export async function readRuns(context: Context, refs: readonly RunRef[]): Promise<(Run | undefined)[]> {
  const runs: (Run | undefined)[] = [];
  for (let from = 0; from < refs.length; from += 100) {
    const slice = refs.slice(from, from + 100);
    const items = await context.store.getMany(slice.map((ref) => runKey(ref, context.config.width)));
    items.forEach((item, k) => runs.push(asRun(item, identify(slice[k] as RunRef))));
  }
  return runs;
}
/** All rows of a leaf, in order of member and step. */
export async function readLeaf(context: Context, gid: string, leaf: number): Promise<Run[]> {
  const runs: Run[] = [];
  let cursor: string | undefined;
  do {
    const page = await context.store.query("tasks", leafPartition(gid, leaf), cursor === undefined ? {} : { cursor });
    for (const item of page.items) runs.push(runOfLeaf(context, gid, leaf, item));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return runs;
}
function runOfLeaf(context: Context, gid: string, leaf: number, item: Item): Run {
  const [, local, step] = item.key.sort.split("#");
  return asRun(item, identify({ gid, index: leaf * context.config.width + Number(local), step: Number(step) })) as Run;
}
/** The last step of a member that has a row: its state is the member's. */
export async function readLastStep(context: Context, gid: string, index: number): Promise<Run | undefined> {
  const { width } = context.config;
  const leaf = leafOf(index, width);
  const local = localIndex(index, width);
  const range = { from: runSort(local, 0), to: runSort(local, 9_999), limit: 1, descending: true };
  const { items } = await context.store.query("tasks", leafPartition(gid, leaf), range);
  return items[0] && runOfLeaf(context, gid, leaf, items[0]);
}

/** The strand of a member. A page of an open group is a strand of one group step, which its row carries itself. */
export async function strandOf(context: Context, header: Header, run: RunRef & { manifest?: string }): Promise<MemberStrand> {
  if (header.pages) {
    if (run.manifest === undefined) throw new FanfoldError("internal", `page ${run.index} of ${header.gid} has no manifest`);
    const step = await context.plans.group(run.manifest);
    return { strand: [step], pointer: run.manifest, period: 1 };
  }
  if (header.plan === undefined) throw new FanfoldError("internal", `group ${header.gid} has no plan`);
  const { strand, pointer } = await context.plans.member(header.plan, header.only ?? run.index);
  if (!header.repeat) return { strand, pointer, period: strand.length };
  return { strand: Array.from({ length: header.repeat.most }, () => strand).flat(), pointer, period: strand.length };
}
/** The strands of the members of a leaf, where each is what the plan says of its member; undefined: ask `strandOf` for each. */
export async function strandsOf(context: Context, header: Header, leaf: number): Promise<readonly Strand[] | undefined> {
  if (header.pages || header.repeat || header.only !== undefined || header.plan === undefined) return undefined;
  return context.plans.leaf(header.plan, leaf);
}
/** `period`: how many of the steps stand in the plan, at `pointer`; a repeated strand has them several times. */
export interface MemberStrand {
  readonly strand: Strand;
  readonly pointer: string;
  readonly period: number;
}
/** Where the group that step `step` is, or that stands beside it, is found in the plan. */
export const stepPointer = ({ pointer, period }: MemberStrand, step: number): string => `${pointer}.${step % period}`;
/** Does another step follow this successful run? A repeated strand ends as soon as its value is as wanted. */
export async function hasNext(context: Context, header: Header, { strand, period }: MemberStrand, run: Run): Promise<boolean> {
  if (run.step + 1 >= strand.length) return false;
  if (!header.repeat || (run.step + 1) % period !== 0) return true;
  return !holds(header.repeat.until, await loadValue(context, run));
}
/** Plan pointer of the group that a run opens: written into it (outbox, page), or the group step it is at. */
export async function childPlan(context: Context, header: Header, run: Run): Promise<string | undefined> {
  if (run.manifest !== undefined) return run.manifest;
  const member = await strandOf(context, header, run);
  const step = member.strand[run.step];
  return step && isGroupStep(step) ? stepPointer(member, run.step) : undefined;
}
/** The child group that a run has opened or may have: one that streams joins it only when it waits, and one that failed while streaming never. */
export function openedGroup(run: Run): string | undefined {
  if (run.joins !== undefined) return run.joins;
  return run.attempt > 0 && !isSuccess(run.status) ? childGroup(run) : undefined;
}
export const childGroup = (run: Run): string => childGroupOf(run.runId);

/** Attributes that bring a run back later than now: by its message's delay when that can reach, else by the due index. */
export function duePart(context: Context, runId: string, notBefore: number, now: number): Partial<RunAttributes> {
  if (notBefore - now <= context.queue.maxDelaySeconds * 1_000) return { notBefore };
  return { notBefore, due: notBefore, dueShard: dueShard(shardOf(runId, DUE_SHARDS)) };
}
/** The value attributes of a terminal run, for a run or job that takes its value over. */
export function copyOfValue(run: Run | undefined): Partial<Pick<RunAttributes, "value" | "valueRef" | "collects">> {
  return {
    ...(run?.value === undefined ? {} : { value: run.value }),
    ...(run?.valueRef === undefined ? {} : { valueRef: run.valueRef }),
    ...(run?.collects === undefined ? {} : { collects: run.collects }),
  };
}
