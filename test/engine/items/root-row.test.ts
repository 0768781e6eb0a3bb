import { describe, expect, it } from "vitest";
import { type Header, headerKey, leafPartition, runKey } from "../../../functions/engine/item-kinds.ts";
import { absent, eq } from "../../../functions/engine/items/conditions.ts";
import { rootRow, withRootRows } from "../../../functions/engine/items/root-row.ts";
import { MemoryStore } from "../../../functions/testing/ports/memory-store.ts";

const JOB = "01JD2Y8ZK5W0E3T7Q9M4R6X8AB";
const keyOf = (stepIndex: number) => runKey({ gid: JOB, index: 0, stepIndex }, 256);
const row = { v: 1, jobId: JOB, ttl: 9, status: "queued", attempt: 0, due: 5, dueShard: "DUE#63" };

async function withHeader() {
  const plain = new MemoryStore();
  const store = withRootRows(plain);
  await store.write({ op: "put", key: headerKey(JOB), attributes: { v: 1, jobId: JOB, ttl: 9, round: 0 } });
  await store.write({ op: "put", key: keyOf(0), attributes: row, when: absent() });
  return { plain, store };
}

describe("the first row of a job", () => {
  it("is part of the root header, and reads like any other row", async () => {
    const { plain, store } = await withHeader();
    const { dueShard: _shard, ...rest } = row;
    expect((await store.get(keyOf(0)))?.attributes).toMatchObject(rest);
    expect((await store.getMany([keyOf(0), keyOf(1)])).map((item) => item?.key)).toEqual([keyOf(0), undefined]);
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, shard) =>
        plain.queryIndex({ index: "dueRoot", partition: `DUE#${shard}`, upTo: 9, limit: 9 }),
      ),
    );
    expect(all.flatMap((found) => found.keys)).toEqual([headerKey(JOB)]);
    expect((await plain.query("tasks", leafPartition(JOB, 0))).items).toEqual([]);
  });
  it("is written under its own conditions, and leaves the header as it is", async () => {
    const { plain, store } = await withHeader();
    const claim = { op: "update", key: keyOf(0), change: { set: { status: "started" }, add: { attempt: 1 } } } as const;
    expect(await store.write({ ...claim, when: eq("status", "queued") })).toMatchObject({
      applied: true,
      item: { attributes: { status: "started", attempt: 1 } },
    });
    expect(await store.write({ ...claim, when: eq("status", "queued") })).toMatchObject({ applied: false });
    expect((await store.write({ op: "put", key: keyOf(0), attributes: row, when: absent() })).applied).toBe(false);
    expect((await plain.get(headerKey(JOB)))?.attributes["round"]).toBe(0);
  });
  it("never brings a header back that was collected", async () => {
    const { plain, store } = await withHeader();
    await plain.write({ op: "remove", key: headerKey(JOB) });
    for (const when of [absent(), eq("status", "queued")])
      expect(await store.write({ op: "update", key: keyOf(0), change: { set: row }, when })).toMatchObject({
        applied: false,
        item: undefined,
      });
    expect(await plain.get(headerKey(JOB))).toBeUndefined();
  });
  it("comes before the later steps of its strand, in both directions and page by page", async () => {
    const { store } = await withHeader();
    for (const step of [1, 2]) await store.write({ op: "put", key: keyOf(step), attributes: row });
    const partition = leafPartition(JOB, 0);
    for (const descending of [false, true])
      for (const limit of [1, 2, 3, 4]) {
        const sorts: string[] = [];
        for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
          const page = await store.query("tasks", partition, { limit, descending, ...(cursor && { cursor }) });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          sorts.push(...page.items.map(({ key }) => key.sort));
          cursor = page.cursor;
        }
        const wanted = [0, 1, 2].map((step) => keyOf(step).sort);
        expect(sorts).toEqual(descending ? wanted.toReversed() : wanted);
      }
  });
  it("is none while nothing has begun", () => {
    expect(rootRow({ gid: JOB, jobId: JOB } as Header)).toBeUndefined();
  });
});
