import { leafOf } from "../../core/plan/ledger.ts";
import { isGroupStep, type PlanStep, type TaskStep } from "../../core/plan/plan.ts";
import type { Band } from "../../core/plan/priority-band.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { BulkInfo } from "../../core/task/bulk.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { ensureDispatcher } from "../items/dispatcher-items.ts";
import { sendBulk, sendGeneral, turnOf } from "../messages/send.ts";
import type { BulkPack } from "../messages/wire.ts";
import { type Place, placeOf } from "../plan/step-placement.ts";
import { isInPack, putPack, type WaitingRun } from "./backlog.ts";

/** Where runs of a bulk task wait for others: a backlog of its own, whose name no queue can have. */
export interface Pool {
  readonly name: string;
  readonly queue: string;
  readonly task: string;
}
const SEPARATOR = "!";
export const poolOf = (queue: string, task: string): Pool => ({ name: `${queue}${SEPARATOR}${task}`, queue, task });
/** Returns the pool of this name; undefined for the name of a queue. */
export function parsePool(name: string): Pool | undefined {
  const at = name.indexOf(SEPARATOR);
  return at < 0 ? undefined : { name, queue: name.slice(0, at), task: name.slice(at + 1) };
}

/** Returns the settings of a step whose runs share calls; undefined for any other step. */
export function bulkOf({ registry }: Pick<Context, "registry">, step: PlanStep): BulkInfo | undefined {
  return isGroupStep(step) || step.each !== undefined ? undefined : registry.info(step.task)?.bulk;
}
const placeInPool = (context: Context, step: TaskStep): Place => {
  const { queue, band } = placeOf(context, step);
  return { queue: poolOf(queue, step.task).name, band };
};
/** Whether a run waits for others of its bulk task. */
export async function isPooled(context: Context, header: Header, ref: RunRef, step: PlanStep): Promise<boolean> {
  return (
    !isGroupStep(step) &&
    bulkOf(context, step) !== undefined &&
    isInPack(context, header, { ...ref, place: placeInPool(context, step) })
  );
}

/**
 * Puts runs of one leaf that may start into the pools of their tasks, THEN asks for a look at these. The message that
 * named the runs may be acknowledged afterwards. Costs a write unit for each pool, and one when they leave it.
 */
export async function pool(
  context: Context,
  header: Header,
  runs: readonly (RunRef & { readonly step: TaskStep })[],
): Promise<void> {
  const waiting = runs.map(({ step, gid, index, stepIndex }): WaitingRun => ({
    gid,
    index,
    stepIndex,
    place: placeInPool(context, step),
  }));
  const names = new Set(waiting.map(({ place }) => place.queue));
  for (const name of names)
    if (!context.pools.isKnown(name)) {
      // The sweeper asks the dispatchers that it knows, should the first look be lost.
      await ensureDispatcher(context, name);
      context.pools.noteKnown(name);
    }
  const packs = new Map<string, WaitingRun[]>();
  for (const run of waiting) {
    const key = `${run.stepIndex} ${run.place.band} ${run.place.queue}`;
    packs.set(key, [...(packs.get(key) ?? []), run]);
  }
  await all([...packs.values()].map((pack) => putPack(context, header, pack)));
  for (const name of names) await askForLook(context, name);
}
/** Asks for a look at a pool, unless one is on its way that comes after all that was put so far. */
async function askForLook(context: Context, name: string): Promise<void> {
  const now = context.clock.now();
  if (context.pools.lookAt(name) > now) return;
  const { dispatchMs } = context.config;
  await sendGeneral(context, { kind: "dispatch", queue: name }, dispatchMs / 1_000);
  context.pools.noteLook(name, now + dispatchMs);
}

/** What a process knows of pools, so that it does not ask for a look for each message. */
export class PoolLooks {
  readonly #known = new Set<string>();
  readonly #lookAt = new Map<string, number>();

  isKnown(name: string): boolean {
    return this.#known.has(name);
  }
  noteKnown(name: string): void {
    this.#known.add(name);
  }
  /** When the look comes that was asked for last (ms). */
  lookAt(name: string): number {
    return this.#lookAt.get(name) ?? 0;
  }
  noteLook(name: string, at: number): void {
    this.#lookAt.set(name, at);
  }
}

/** A run that is sent to take part in a call. */
export interface BulkMember extends RunRef {
  readonly header: Pick<Header, "asker" | "jobId">;
}
/** Sends each of these calls as a message to the queue of the task. */
export async function sendCalls(
  context: Context,
  to: Pick<Pool, "queue" | "task">,
  calls: readonly { readonly members: readonly BulkMember[]; readonly band: Band }[],
): Promise<void> {
  const messages = calls.map(({ members, band }) => {
    const { header } = members[0] as BulkMember;
    return { packs: packsOf(context, members), band, jobId: turnOf(header).jobId ?? header.jobId };
  });
  await sendBulk(context, to, messages);
}
function packsOf(context: Context, members: readonly BulkMember[]): readonly BulkPack[] {
  const packs = new Map<string, { readonly gid: string; readonly step: number; readonly members: number[] }>();
  for (const { gid, index, stepIndex } of members) {
    const key = `${gid}|${leafOf(index, context.config.width)}|${stepIndex}`;
    const pack = packs.get(key) ?? { gid, step: stepIndex, members: [] };
    pack.members.push(index);
    packs.set(key, pack);
  }
  return [...packs.values()];
}
