import { expect, it } from "vitest";
import { leafPartition } from "../../../functions/engine/item-kinds.ts";
import { group } from "../../../functions/sdk/index.ts";
import { add, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const WORKER = "local.default#worker";
const MEMBERS = 1_000;
const LEAVES = 4;

/** Counts the reads of leaves of this group, from now on. */
function countLeafReads(local: LocalEngine, gid: string): { reads: number } {
  const leaves = new Set(Array.from({ length: LEAVES }, (_, leaf) => leafPartition(gid, leaf)));
  const query = local.store.query.bind(local.store);
  const counted = { reads: 0 };
  local.store.query = (table, partition, options) => {
    if (leaves.has(partition)) counted.reads++;
    return query(table, partition, options);
  };
  return counted;
}

it("a sweep that waited behind another one does not take the moment between them for a standstill", async () => {
  const local = new LocalEngine([add]);
  const { jobId } = await local.engine.submit({
    canvas: group(Array.from({ length: MEMBERS }, (_, i) => add.s(i, 1))).canvas,
  });
  const gid = `${jobId}.0.g`;
  const handleOne = async (queue: string): Promise<boolean> => {
    const messages = await local.queue.receive([queue], 1, 3_600);
    for (const message of messages) await local.engine.handle(message, LocalEngine.loop);
    return messages.length > 0;
  };
  // Some members end, and the others still wait for their workers.
  while (await handleOne("engine"));
  const { ready } = await local.queue.depth(WORKER);
  for (let k = 1; k < ready; k++) await handleOne(WORKER);
  while (await handleOne("engine"));
  local.clock.advance(61_000);
  for (let k = 0; k < 5; k++) await local.engine.sweep();
  const sweeps = (await local.queue.receive(["engine"], 100, 30)).filter(
    ({ body }) => (body as { gid?: string }).gid === gid,
  );
  expect(sweeps).toHaveLength(5);
  const leaves = countLeafReads(local, gid);
  for (const message of sweeps) await local.engine.handle(message, LocalEngine.loop);
  expect(leaves.reads).toBe(0);
  // A sweep that did not finish is repeated.
  await local.engine.handle({ ...(sweeps[0] as (typeof sweeps)[number]), receives: 2 }, LocalEngine.loop);
  expect(leaves.reads).toBeGreaterThan(0);
});

it("an open job is timed out at its deadline, however long nothing moved", async () => {
  const local = new LocalEngine([sum]);
  const { jobId } = await local.engine.openJob({ timeoutSeconds: 4_000 });
  for (let second = 0; second < 4_060; second += 10) {
    local.clock.advance(10_000);
    await local.engine.sweep();
    while (await local.turn());
  }
  expect(await local.engine.job(jobId)).toMatchObject({ state: "timed-out" });
});
