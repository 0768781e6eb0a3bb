import { holds } from "../../core/canvas/value-condition.ts";
import { FanfoldError } from "../../core/errors.ts";
import { isGroupStep, type Strand } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { loadValue } from "../items/values.ts";

/** The strand of a member. A page of an open group is a strand of one group step, which its row carries itself. */
export async function strandOf(context: Context, header: Header, run: RunRef & Pick<Run, "manifest">): Promise<MemberStrand> {
  if (!header.pages) return memberStrand(context, header, run.index);
  if (run.manifest === undefined) throw new FanfoldError("internal", `page ${run.index} of ${header.gid} has no manifest`);
  const step = await context.plans.group(run.manifest);
  return { strand: [step], pointer: run.manifest, period: 1 };
}
/** Returns the strand of a member as the plan says it, so no row is needed. The group's members must not be pages. */
export async function memberStrand(context: Context, header: Header, index: number): Promise<MemberStrand> {
  if (header.plan === undefined) throw new FanfoldError("internal", `group ${header.gid} has no plan`);
  const { strand, pointer } = await context.plans.member(header.plan, header.only ?? index);
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
  if (run.stepIndex + 1 >= strand.length) return false;
  if (!header.repeat || (run.stepIndex + 1) % period !== 0) return true;
  return !holds(header.repeat.until, await loadValue(context, run));
}
/** Plan pointer of the group that a run opens: written into it (outbox, page), or the group step it is at. */
export async function childPlan(context: Context, header: Header, run: Run): Promise<string | undefined> {
  if (run.manifest !== undefined) return run.manifest;
  const member = await strandOf(context, header, run);
  const step = member.strand[run.stepIndex];
  return step && isGroupStep(step) ? stepPointer(member, run.stepIndex) : undefined;
}
