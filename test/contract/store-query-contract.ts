import { beforeAll, describe, expect, it } from "vitest";
import type { Key, QueryOptions, Store, WriteOp } from "../../functions/engine/ports.ts";

/**
 * Tests the part of a store about many items at once. No other test uses partitions whose names begin with `prefix`.
 */
export function storeQueryContract(store: () => Store, prefix: string): void {
  const key = (sort: string, partition: string): Key => ({ table: "tasks", partition, sort });

  describe("query", () => {
    const sorts = ["!", "0", "00", "10", "2", "A", "a", "a~1", "b#3", "z", "é", "\uff5e", "😀"];
    const sortsOf = async (options?: QueryOptions) => {
      const { items } = await store().query("tasks", `${prefix}-query`, options);
      return items.map((item) => item.key.sort);
    };
    beforeAll(async () => {
      const shuffled = sorts.toSorted((a, b) => a.length - b.length || (a < b ? 1 : -1));
      await store().writeMany(
        shuffled.map((sort) => ({ op: "put", key: key(sort, `${prefix}-query`), attributes: { sort } })),
      );
      for (const near of [`${prefix}-quer`, `${prefix}-query2`, `${prefix}-query!`])
        await store().write({ op: "put", key: key("a", near), attributes: { other: true } });
    });

    it("a query returns items in the order of the bytes of their sort keys", async () => {
      expect(await sortsOf()).toEqual(sorts);
      const { items } = await store().query("tasks", `${prefix}-query`);
      expect(items[5]).toEqual({ key: key("A", `${prefix}-query`), attributes: { sort: "A" } });
    });
    it("a descending query returns the reverse order", async () => {
      expect(await sortsOf({ descending: true })).toEqual(sorts.toReversed());
    });
    it("a query includes its bounds", async () => {
      expect(await sortsOf({ from: "10", to: "a" })).toEqual(["10", "2", "A", "a"]);
      expect(await sortsOf({ from: "10", to: "a", descending: true })).toEqual(["a", "A", "2", "10"]);
      expect(await sortsOf({ from: "9" })).toEqual(sorts.slice(5));
      expect(await sortsOf({ to: "9", descending: true })).toEqual(["2", "10", "00", "0", "!"]);
      expect(await sortsOf({ from: "zz", to: "zzz" })).toEqual([]);
    });
    it("pages of a query return each item once, in both directions and within bounds", async () => {
      for (const [options, expected] of [
        [{}, sorts],
        [{ descending: true }, sorts.toReversed()],
        [{ from: "00", to: "z" }, sorts.slice(2, 10)],
        [{ from: "00", to: "z", descending: true }, sorts.slice(2, 10).toReversed()],
      ] as const) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store().query("tasks", `${prefix}-query`, {
            ...options,
            limit: 3,
            ...(cursor !== undefined && { cursor }),
          });
          expect(page.items.length).toBeLessThanOrEqual(3);
          seen.push(...page.items.map((item) => item.key.sort));
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(seen).toEqual(expected);
      }
    });
    it("a query reads one table only, and an unknown partition is empty", async () => {
      expect((await store().query("callbacks", `${prefix}-query`)).items).toEqual([]);
      expect((await store().query("tasks", `${prefix}-nothing`)).cursor).toBeUndefined();
    });
    it("a query reflects inserted, changed and removed items", async () => {
      const partition = `${prefix}-moving`;
      await store().writeMany(
        ["a", "c", "b"].map((sort) => ({ op: "put", key: key(sort, partition), attributes: { n: 1 } })),
      );
      await store().write({ op: "remove", key: key("a", partition) });
      await store().write({ op: "update", key: key("c", partition), change: { add: { n: 1 } } });
      const { items } = await store().query("tasks", partition);
      expect(items.map((item) => [item.key.sort, item.attributes["n"]])).toEqual([
        ["b", 1],
        ["c", 2],
      ]);
    });
  });

  describe("sparse indexes", () => {
    const shard = `${prefix}-shard`;
    const header = (sort: string): Key => ({ table: "callbacks", partition: `${prefix}-headers`, sort });
    const indexed = async (upTo: number) =>
      (await store().queryIndex({ index: "open", partition: shard, upTo, limit: 100 })).keys.map(({ sort }) => sort);
    /** Indexes may lag, so the query is repeated until it returns the expected keys. */
    const eventually = async (upTo: number, expected: readonly string[]) =>
      expect.poll(() => indexed(upTo), { timeout: 5_000, interval: 20 }).toEqual(expected);

    it("a sparse index holds items with both attributes, sorts them by number and follows changes", async () => {
      await store().writeMany([
        { op: "put", key: header("late"), attributes: { openShard: shard, nextCheck: 3_000_000_000_000 } },
        { op: "put", key: header("early"), attributes: { openShard: shard, nextCheck: 20 } },
        { op: "put", key: header("first"), attributes: { openShard: shard, nextCheck: 3 } },
        { op: "put", key: header("closed"), attributes: { openShard: shard } },
        { op: "put", key: header("elsewhere"), attributes: { openShard: `${shard}2`, nextCheck: 1 } },
        { op: "put", key: { ...header("task"), table: "tasks" }, attributes: { openShard: shard, nextCheck: 1 } },
      ]);
      await eventually(4_000_000_000_000, ["first", "early", "late"]);
      await eventually(20, ["first", "early"]);
      await store().write({ op: "update", key: header("first"), change: { set: { nextCheck: 100 } } });
      await store().write({ op: "update", key: header("early"), change: { remove: ["openShard", "nextCheck"] } });
      await store().write({ op: "update", key: header("closed"), change: { set: { nextCheck: 50 } } });
      await eventually(4_000_000_000_000, ["closed", "first", "late"]);
      await store().write({ op: "remove", key: header("first") });
      await store().write({ op: "put", key: header("late"), attributes: {} });
      await eventually(4_000_000_000_000, ["closed"]);
      expect(await indexed(0)).toEqual([]);
    });

    it("a query of an index returns whole keys in pages", async () => {
      const due = Array.from({ length: 25 }, (_, index): WriteOp => {
        return {
          op: "put",
          key: key(`r${index}`, `${prefix}-due`),
          attributes: { dueShard: shard, due: 1_000 + (index % 5) },
        };
      });
      await store().writeMany(due);
      const read = async (): Promise<string[]> => {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store().queryIndex({
            index: "due",
            partition: shard,
            upTo: 1_003,
            limit: 4,
            ...(cursor !== undefined && { cursor }),
          });
          expect(page.keys.length).toBeLessThanOrEqual(4);
          for (const { table, partition } of page.keys) expect([table, partition]).toEqual(["tasks", `${prefix}-due`]);
          seen.push(...page.keys.map(({ sort }) => sort));
          cursor = page.cursor;
        } while (cursor !== undefined);
        return seen;
      };
      await expect.poll(async () => (await read()).length, { timeout: 5_000, interval: 20 }).toBe(20);
      expect(new Set(await read()).size).toBe(20);
    });
  });
}
