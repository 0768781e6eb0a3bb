import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import { type GroupStep, isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import { type Band, bandOf, MIDDLE_BAND } from "../../core/plan/priority-band.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";

/**
 * Returns the number of members in one message. Few members go one by one, so all workers get some; many are packed.
 */
export function packSize({ config }: Pick<Context, "config">, members: number): number {
  return Math.max(1, Math.min(config.membersPerMessage, Math.ceil(members / config.packAbove)));
}
/**
 * Returns the number of members in one message, whose task is quick: for few members in even messages of at most
 * `quickPack`. A message of its own for each would be more work than all of them.
 */
export function quickPackSize(context: Pick<Context, "config">, members: number): number {
  const even = Math.ceil(members / Math.ceil(members / context.config.quickPack));
  return Math.max(packSize(context, members), Math.min(even, context.config.membersPerMessage));
}

/** Returns the queue of a step's messages. Group steps run no user code, so they go to the engine's own queue. */
export function queueOf(context: Context, step: PlanStep | GroupStep): string {
  if (isGroupStep(step)) return ENGINE_QUEUE;
  return context.queueNames.of(step.options?.queue ?? context.registry.info(step.task)?.queue);
}
/** Where the messages of a step go, and how urgent they are. */
export interface Place {
  readonly queue: string;
  readonly band: Band;
}
export function placeOf(context: Context, step: PlanStep | GroupStep): Place {
  return { queue: queueOf(context, step), band: isGroupStep(step) ? MIDDLE_BAND : bandOf(step.options?.priority) };
}
/**
 * Returns the time before which a step must not start, in milliseconds since the epoch; undefined when it may start at
 * once. `readyAt` is when the step became ready. A step that expires before it may start waits until it expires.
 */
export function notBeforeOf(step: PlanStep, readyAt: number): number | undefined {
  if (isGroupStep(step)) return undefined;
  const { countdown = 0, eta = readyAt + countdown * 1_000 } = step.options ?? {};
  return eta > readyAt ? Math.min(eta, expiresAtOf(step, readyAt) ?? eta) : undefined;
}
/**
 * Returns when a step expires unless it has started, in milliseconds since the epoch. Returns undefined when it never
 * does.
 */
export function expiresAtOf(step: PlanStep, readyAt: number): number | undefined {
  const expires = isGroupStep(step) ? undefined : step.options?.expires;
  return expires === undefined ? undefined : readyAt + expires * 1_000;
}
/** Returns when a run without a time of its own expires: the first step of a strand, counted from its group. */
export function expiryOf(
  { createdAt }: Pick<Header, "createdAt">,
  { stepIndex }: Pick<RunRef, "stepIndex">,
  step: Exclude<PlanStep, GroupStep>,
): number | undefined {
  const { expires } = step.options ?? {};
  return expires === undefined || stepIndex > 0 ? undefined : createdAt + expires * 1_000;
}
