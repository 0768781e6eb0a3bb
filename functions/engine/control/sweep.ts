import { FanfoldError } from "../../core/errors.ts";
import { isIdentity, type RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { SweepReport } from "../contract.ts";
import { DUE_ROOT_SHARDS, DUE_SHARDS, dueShard, OPEN_SHARDS, openShard } from "../item-kinds.ts";
import { allOf } from "../items/all-of.ts";
import { readHeader } from "../items/header-reads.ts";
import { readRun } from "../items/run-reads.ts";
import { clearDue } from "../items/run-writes.ts";
import { sendControl, sendRun } from "../messages/send.ts";
import type { IndexName, Key } from "../ports.ts";
import { sweepPasses } from "../execute/passes.ts";
import { attendIdentity } from "./attend-identity.ts";
import { sweepBacklogs } from "./dispatch.ts";
import { sweepPauses } from "./pauses.ts";
import { sweepRefreshes } from "./refresh-outdated.ts";
import { announceDue } from "./announce-schedule.ts";
import { orderSync } from "./sync-schedules.ts";

/**
 * Makes one pass of the sweeper (docs/protocol-rules.md, section 13), so that nothing stays stuck because a message was
 * lost or a process died. The pass orders a check of each open header that is due for one, and sends the runs that are
 * due. Every repair goes through the same follow-up as all other work. With `all`, every open header is checked.
 */
export async function sweep(
  context: Context,
  { until = Number.POSITIVE_INFINITY, all = false }: { readonly until?: number; readonly all?: boolean } = {},
): Promise<SweepReport> {
  const now = context.clock.now();
  let checked = 0;
  const opened = await eachIndexed(
    context,
    "open",
    { partitions: OPEN_SHARDS, partition: openShard, upTo: all ? Number.MAX_SAFE_INTEGER : now, until, concurrency: 4 },
    async (key) => {
      checked++;
      await sendControl(context, { kind: "sweep", gid: key.partition.slice(2), fromLeaf: 0, ...(all && { all }) });
    },
  );
  let due = 0;
  const errors: unknown[] = [];
  await orderSync(context).catch((error: unknown) => errors.push(error));
  await sweepPauses(context).catch((error: unknown) => errors.push(error));
  await sweepBacklogs(context).catch((error: unknown) => errors.push(error));
  await sweepRefreshes(context).catch((error: unknown) => errors.push(error));
  if (context.registry.hasBulk?.()) await sweepPasses(context).catch((error: unknown) => errors.push(error));
  const upTo = now + context.queue.maxDelaySeconds * 1_000;
  let sent = true;
  for (const { index, partitions } of DUE_INDEXES)
    sent &&= await eachIndexed(
      context,
      index,
      { partitions, partition: dueShard, upTo, until, concurrency: 8 },
      async (key) => {
        due++;
        // An entry that cannot be sent must not block the entries after it.
        await sendDue(context, key).catch((error: unknown) => errors.push(error));
      },
    );
  return {
    checked,
    due,
    failed: errors.length,
    unfinished: !opened || !sent,
    ...(errors.length > 0 && { error: errors[0] }),
  };
}

const DUE_INDEXES = [
  { index: "due", partitions: DUE_SHARDS },
  { index: "dueRoot", partitions: DUE_ROOT_SHARDS },
] as const;

interface Walk {
  readonly partitions: number;
  readonly partition: (shard: number) => string;
  /** Milliseconds since the epoch. Later entries are not walked. */
  readonly upTo: number;
  /** Milliseconds since the epoch at which the walk stops. */
  readonly until: number;
  /** Number of partitions that are walked at the same time. */
  readonly concurrency: number;
}
/** Calls `work` for each entry of an index. Returns false when the walk stopped before the last one. */
async function eachIndexed(
  context: Context,
  index: IndexName,
  walk: Walk,
  work: (key: Key) => Promise<void>,
): Promise<boolean> {
  let finished = true;
  const shards = Array.from({ length: walk.partitions }, (_, k) => walk.partition(k));
  await eachBounded(shards, walk.concurrency, async (partition) => {
    for await (const key of indexed(context, index, partition, walk.upTo)) {
      if (context.clock.now() >= walk.until) finished = false;
      if (!finished) return;
      await work(key);
    }
  });
  return finished;
}
async function* indexed(
  context: Context,
  index: IndexName,
  partition: string,
  upTo: number,
): AsyncGenerator<Key, void, undefined> {
  for await (const { keys } of allOf((after) =>
    context.store.queryIndex({ index, partition, upTo, limit: 100, ...after }),
  ))
    yield* keys;
}

/** Handlers of due items by kind, which is the prefix of the partition (item-kinds.ts). */
const DUE_KINDS: Readonly<Record<string, (context: Context, key: Key) => Promise<void>>> = {
  G: sendDueRun,
  SC: announceDue,
};
async function sendDue(context: Context, key: Key): Promise<void> {
  const kind = key.partition.slice(0, key.partition.indexOf("#"));
  const send = DUE_KINDS[kind];
  if (!send)
    throw new FanfoldError("internal", `nothing is known about due items of the kind ${kind}`, { details: { kind } });
  await send(context, key);
}
/** Returns the run of a due item: a row, or a root header with the first row in it. */
function refOf(context: Context, { table, partition, sort }: Key): RunRef {
  if (table === "callbacks") return { gid: partition.slice(2), index: 0, stepIndex: 0 };
  const [, local, step] = sort.split("#");
  const at = partition.lastIndexOf("#");
  const index = Number(partition.slice(at + 1)) * context.config.width + Number(local);
  return { gid: partition.slice(2, at), index, stepIndex: Number(step) };
}
/**
 * Sends a due run to its queue with the remaining delay, then removes it from the index. In this order a death in
 * between sends the run twice instead of never.
 */
async function sendDueRun(context: Context, key: Key): Promise<void> {
  const ref = refOf(context, key);
  const run = await readRun(context, ref);
  if (run?.due === undefined) return;
  if (isIdentity(ref.gid)) return attendIdentity(context, run);
  const header = await readHeader(context, ref.gid);
  if (header && !header.outcome && !isTerminal(run.status))
    await sendRun(context, header, run, Math.max(0, (run.due - context.clock.now()) / 1_000));
  await clearDue(context, run, run.due);
}
