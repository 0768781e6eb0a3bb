import { isTerminal } from "../../core/plan/run-state.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { SweepReport } from "../contract.ts";
import { DUE_SHARDS, dueShard, OPEN_SHARDS, openShard } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { readRun } from "../items/run-reads.ts";
import { clearDue } from "../items/run-writes.ts";
import { sendControl, sendRun } from "../messages/send.ts";
import type { IndexName, Key } from "../ports.ts";

/**
 * The sweeper (docs/protocol.md, section 13): nothing stays stuck because a message was lost or a process died. It walks the headers that are not closed and
 * due for a check, repairs what it finds through the same follow-up as everybody else, and sends what is due.
 */
export async function sweep(context: Context, until = Number.POSITIVE_INFINITY): Promise<SweepReport> {
  let checked = 0;
  let unfinished = false;
  const over = (): boolean => (unfinished ||= context.clock.now() >= until);
  const now = context.clock.now();
  await eachBounded(
    Array.from({ length: OPEN_SHARDS }, (_, k) => openShard(k)),
    4,
    async (partition) => {
      for await (const key of indexed(context, "open", partition, now)) {
        if (over()) return;
        checked++;
        await sendControl(context, { kind: "sweep", gid: key.partition.slice(2), fromLeaf: 0 });
      }
    },
  );
  let due = 0;
  let failed = 0;
  let error: unknown;
  await eachBounded(
    Array.from({ length: DUE_SHARDS }, (_, k) => dueShard(k)),
    8,
    async (partition) => {
      for await (const key of indexed(context, "due", partition, now + context.queue.maxDelaySeconds * 1_000)) {
        if (over()) return;
        due++;
        try {
          await sendDue(context, key);
        } catch (thrown) {
          // One entry that cannot be sent must not hold up those behind it.
          failed++;
          error ??= thrown;
        }
      }
    },
  );
  return { checked, due, failed, unfinished, ...(error === undefined ? {} : { error }) };
}
async function* indexed(context: Context, index: IndexName, partition: string, upTo: number): AsyncGenerator<Key, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await context.store.queryIndex({ index, partition, upTo, limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.keys;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Hands a due run to its queue with the exact delay left, then takes it out of the index, in this order: a death in between sends it twice. */
async function sendDue(context: Context, key: Key): Promise<void> {
  const [, local, step] = key.sort.split("#");
  const parts = key.partition.split("#");
  const leaf = Number(parts.at(-1));
  const ref = { gid: parts.slice(1, -1).join("#"), index: leaf * context.config.width + Number(local), stepIndex: Number(step) };
  const run = await readRun(context, ref);
  if (run?.due === undefined) return;
  const header = await readHeader(context, ref.gid);
  if (header && !header.outcome && !isTerminal(run.status)) await sendRun(context, header, run, Math.max(0, (run.due - context.clock.now()) / 1_000));
  await clearDue(context, run, run.due);
}
