import { holds } from "../../core/canvas/value-condition.ts";
import { FanfoldError } from "../../core/errors.ts";
import { isGroupStep, type Strand } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { loadValue } from "../items/values.ts";

/**
 * Returns the strand of a member. A page of an open group is a strand of one group step, which the row of the page
 * names.
 */
export function strandOf(context: Context, header: Header, run: RunRef & Pick<Run, "manifest">): Promise<MemberStrand> {
  return header.pages ? pageStrand(context, header, run) : memberStrand(context, header, run.index);
}
async function pageStrand(
  context: Context,
  header: Header,
  { index, manifest }: RunRef & Pick<Run, "manifest">,
): Promise<MemberStrand> {
  if (manifest === undefined) throw new FanfoldError("internal", `page ${index} of ${header.gid} has no manifest`);
  const step = await context.plans.group(manifest);
  return { strand: [step], pointer: manifest, period: 1 };
}
/** Returns the strand of a member whose row is not needed. Throws for a group whose members are pages. */
export async function memberStrand(context: Context, header: Header, index: number): Promise<MemberStrand> {
  if (header.step) return { strand: [header.step], pointer: header.gid, period: 1 };
  if (header.plan === undefined) throw new FanfoldError("internal", `group ${header.gid} has no plan`);
  const { strand, pointer } = await context.plans.member(header.plan, header.only ?? index);
  if (!header.repeat) return { strand, pointer, period: strand.length };
  return { strand: Array.from({ length: header.repeat.most }, () => strand).flat(), pointer, period: strand.length };
}
/** Returns the strands of a leaf as they stand in the plan; undefined when `strandOf` must be asked for each member. */
export async function strandsOf(
  context: Context,
  header: Header,
  leaf: number,
): Promise<readonly Strand[] | undefined> {
  if (header.step) return [[header.step]];
  if (header.pages || header.repeat || header.only !== undefined || header.plan === undefined) return undefined;
  return context.plans.leaf(header.plan, leaf);
}
/**
 * `period` is the number of steps that stand in the plan at `pointer`. A repeated strand has these steps several times.
 */
export interface MemberStrand {
  readonly strand: Strand;
  readonly pointer: string;
  readonly period: number;
}
/** Returns the plan pointer of the group that step `step` is, or beside which its links stand. */
export const stepPointer = ({ pointer, period }: MemberStrand, step: number): string => `${pointer}.${step % period}`;
/** Whether another step follows this successful run. A repeated strand ends as soon as `until` holds for its value. */
export async function hasNext(
  context: Context,
  header: Header,
  { strand, period }: MemberStrand,
  run: Run,
): Promise<boolean> {
  if (run.handedOn || run.stepIndex + 1 >= strand.length) return false;
  if (!header.repeat || (run.stepIndex + 1) % period !== 0) return true;
  return !holds(header.repeat.until, await loadValue(context, run));
}
/** Returns the plan pointer of the group that a run opens: the one on its row (outbox, page), or its own group step. */
export async function childPlan(context: Context, header: Header, run: Run): Promise<string | undefined> {
  if (run.manifest !== undefined) return run.manifest;
  const member = await strandOf(context, header, run);
  const step = member.strand[run.stepIndex];
  return step && isGroupStep(step) ? stepPointer(member, run.stepIndex) : undefined;
}
