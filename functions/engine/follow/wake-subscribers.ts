import { isTerminal } from "../../core/plan/run-state.ts";
import { parseRunId, type RunRef } from "../../core/plan/run-id.ts";
import { all, eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import {
  adoptEnd,
  readIdentity,
  SUBSCRIBER_SHARDS,
  subscriberOf,
  subscriptionPartition,
  subscriptionRound,
  VALUELESS,
} from "../items/identity-items.ts";
import { readRuns } from "../items/run-reads.ts";
import { sendControl } from "../messages/send.ts";
import type { Item } from "../ports.ts";
import { endTaken, lookForEnd } from "../waits/identities.ts";

/** Part of the subscriptions to a round of an identity. */
export interface SubscriptionPage {
  readonly gid: string;
  readonly round: number;
  readonly shard: number;
  /** Sort key of the last subscription that was handled. */
  readonly after?: string;
}
const LOOKS_AT_ONCE = 16;

/**
 * Ends the runs that wait for an identity which has ended, and returns them: they are to be followed. The first page of
 * each shard is handled here, and further ones are messages. It may be repeated; runs that it ended before are returned
 * again, because nobody may have followed them.
 */
export async function wakeSubscribers(context: Context, ended: Run): Promise<readonly Run[]> {
  return wakeShards(context, ended, ended);
}
/** Lets those who wait for a round that nobody will end wait for the present one. */
export async function wakeRound(context: Context, before: Pick<Run, "gid" | "round">): Promise<readonly Run[]> {
  return wakeShards(context, before);
}
async function wakeShards(
  context: Context,
  { gid, round }: Pick<Run, "gid" | "round">,
  ended?: Run,
): Promise<readonly Run[]> {
  const shards = Array.from({ length: SUBSCRIBER_SHARDS }, (_, shard) => shard);
  return (await all(shards.map((shard) => wakePage(context, { gid, round, shard }, ended)))).flat();
}
/** Handles one page, and sends a message for the next. `known` is how the identity ended, where that is known. */
export async function wakePage(context: Context, page: SubscriptionPage, known?: Run): Promise<readonly Run[]> {
  const { gid, round, shard, after } = page;
  const prefix = subscriptionRound(round);
  const { items, cursor } = await context.store.query("tasks", subscriptionPartition(gid, shard), {
    from: prefix,
    to: `${prefix}~`,
    limit: context.config.subscribersPerMessage,
    ...(after !== undefined && { cursor: after }),
  });
  if (cursor !== undefined) await sendControl(context, { kind: "wake", gid, round, shard, after: cursor });
  if (items.length === 0) return [];
  const ended = known ?? (await readIdentity(context, gid))?.run;
  if (ended && isTerminal(ended.status) && ended.round === round) return endAll(context, ended, items);
  // A later round has begun. Whoever still waits subscribes to it.
  const woken: Run[] = [];
  await eachBounded(await readRuns(context, items.map(refOf)), LOOKS_AT_ONCE, async (row) => {
    if (row?.adopts !== gid) return;
    const run = row.status === "deferred" ? (await lookForEnd(context, row)).ended : row;
    if (run && isTerminal(run.status)) woken.push(run);
  });
  return woken;
}
async function endAll(context: Context, ended: Run, subscriptions: readonly Item[]): Promise<readonly Run[]> {
  const taken: Run[] = [];
  for (const valueless of [false, true]) {
    const refs = subscriptions.filter(({ attributes }) => (attributes[VALUELESS] === true) === valueless).map(refOf);
    if (refs.length === 0) continue;
    for (const { ended: run } of await adoptEnd(context, ended.gid, refs, endTaken(context, { run: ended }, valueless)))
      if (run?.adopts === ended.gid) taken.push(run);
  }
  return taken;
}
const refOf = (subscription: Item): RunRef => parseRunId(subscriberOf(subscription)) as RunRef;
