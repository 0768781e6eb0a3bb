import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Attributes, Condition, Key, Store, WriteOp } from "../../functions/engine/ports.ts";
import { storeQueryContract } from "./store-query-contract.ts";

export interface StoreUnderTest {
  readonly store: Store;
  close?(): Promise<void>;
}

/** Tests a store. It asks no more than DynamoDB can do, and runs against every implementation. */
export function storeContract(name: string, factory: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let subject: StoreUnderTest;
    let store: Store;
    let made = 0;
    /** Beginning of the names of all partitions, so that the suite needs no empty store. */
    const prefix = `c${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
    const key = (sort = "!", partition = `${prefix}-${made}`): Key => ({ table: "tasks", partition, sort });
    const next = (): Key => {
      made++;
      return key();
    };
    const put = async (at: Key, attributes: Attributes) => store.write({ op: "put", key: at, attributes });
    const attributesOf = async (at: Key) => (await store.get(at, { consistent: true }))?.attributes;
    const applies = async (at: Key, when: Condition) =>
      (await store.write({ op: "update", key: at, change: { set: { touched: true } }, when })).applied;

    beforeAll(async () => {
      subject = await factory();
      store = subject.store;
    });
    afterAll(async () => subject.close?.());

    it("a put is read back with every kind of attribute", async () => {
      const at = next();
      const attributes: Attributes = {
        text: "grün 🌍",
        empty: "",
        whole: 12_345_678_901_234,
        fraction: -0.125,
        zero: 0,
        yes: true,
        no: false,
        nothing: null,
        list: [1, "two", null, { three: [3] }],
        map: { a: { b: [] }, ключ: "значение", c: "" },
        numbers: new Set([0, 7, 255]),
        texts: new Set(["a", "ü", "z"]),
      };
      const written = await put(at, attributes);
      expect(written.applied).toBe(true);
      expect(written.item).toEqual({ key: at, attributes });
      expect(await store.get(at, { consistent: true })).toEqual({ key: at, attributes });
    });

    it("an attribute that is undefined is absent", async () => {
      const at = next();
      await put(at, { kept: 1, absent: undefined });
      expect(Object.keys((await attributesOf(at)) ?? {})).toEqual(["kept"]);
    });

    it("an absent item reads as undefined", async () => {
      expect(await store.get(next())).toBeUndefined();
    });

    it("a put replaces all attributes, an update only those it names", async () => {
      const at = next();
      await put(at, { a: 1, b: 2 });
      await store.write({ op: "update", key: at, change: { set: { b: 3, c: 4 } } });
      expect(await attributesOf(at)).toEqual({ a: 1, b: 3, c: 4 });
      await put(at, { d: 5 });
      expect(await attributesOf(at)).toEqual({ d: 5 });
    });

    it("an update without a condition creates the item", async () => {
      const at = next();
      const result = await store.write({
        op: "update",
        key: at,
        change: { set: { a: 1 }, add: { count: 2, members: new Set([4]) } },
      });
      expect(result).toMatchObject({
        applied: true,
        item: { key: at, attributes: { a: 1, count: 2, members: new Set([4]) } },
      });
    });

    it("a refused write changes nothing and returns the stored item", async () => {
      const at = next();
      await put(at, { a: 1 });
      const ops: WriteOp[] = [
        { op: "put", key: at, attributes: { a: 2 }, when: { op: "absent" } },
        { op: "update", key: at, change: { set: { a: 2 } }, when: { op: "eq", attribute: "a", value: 9 } },
        { op: "remove", key: at, when: { op: "lt", attribute: "a", value: 1 } },
      ];
      for (const op of ops)
        expect(await store.write(op)).toMatchObject({ applied: false, item: { key: at, attributes: { a: 1 } } });
      expect(await attributesOf(at)).toEqual({ a: 1 });
    });

    it("a refused write on an absent item returns no item and creates none", async () => {
      const at = next();
      const result = await store.write({ op: "update", key: at, change: { set: { a: 1 } }, when: { op: "present" } });
      expect(result.applied).toBe(false);
      expect(result.item).toBeUndefined();
      expect(await attributesOf(at)).toBeUndefined();
    });

    it("a remove deletes the item, and a second remove succeeds too", async () => {
      const at = next();
      await put(at, { a: 1 });
      expect(await store.write({ op: "remove", key: at, when: { op: "eq", attribute: "a", value: 1 } })).toMatchObject({
        applied: true,
        item: undefined,
      });
      expect(await attributesOf(at)).toBeUndefined();
      expect((await store.write({ op: "remove", key: at })).applied).toBe(true);
    });

    it("a condition on present attributes applies exactly when its negation does not", async () => {
      const at = next();
      await put(at, {
        number: 5,
        text: "m",
        yes: true,
        nothing: null,
        numbers: new Set([1, 2]),
        texts: new Set(["x"]),
      });
      const holding: Condition[] = [
        { op: "present" },
        { op: "present", attribute: "nothing" },
        { op: "absent", attribute: "missing" },
        { op: "eq", attribute: "number", value: 5 },
        { op: "eq", attribute: "text", value: "m" },
        { op: "eq", attribute: "yes", value: true },
        { op: "lt", attribute: "number", value: 6 },
        { op: "lt", attribute: "text", value: "n" },
        { op: "in", attribute: "text", values: ["a", "m"] },
        { op: "in", attribute: "number", values: [4, 5] },
        { op: "contains", attribute: "numbers", value: 2 },
        { op: "contains", attribute: "texts", value: "x" },
      ];
      for (const condition of holding) {
        expect({ condition, applies: await applies(at, condition) }).toEqual({ condition, applies: true });
        expect({ condition, negated: await applies(at, { op: "not", of: condition }) }).toEqual({
          condition,
          negated: false,
        });
      }
      const failing: Condition[] = [
        { op: "absent" },
        { op: "absent", attribute: "nothing" },
        { op: "eq", attribute: "number", value: "5" },
        { op: "eq", attribute: "yes", value: "true" },
        { op: "lt", attribute: "number", value: 5 },
        { op: "lt", attribute: "text", value: "m" },
        { op: "lt", attribute: "text", value: 9 },
        { op: "in", attribute: "number", values: ["5"] },
        { op: "contains", attribute: "numbers", value: 3 },
        { op: "contains", attribute: "numbers", value: "1" },
      ];
      for (const condition of failing) {
        expect({ condition, applies: await applies(at, condition) }).toEqual({ condition, applies: false });
        expect({ condition, negated: await applies(at, { op: "not", of: condition }) }).toEqual({
          condition,
          negated: true,
        });
      }
    });

    it("a comparison with an absent attribute is false, and its negation true", async () => {
      const at = next();
      await put(at, { a: 1 });
      const comparisons: Condition[] = [
        { op: "eq", attribute: "missing", value: 1 },
        { op: "lt", attribute: "missing", value: 1 },
        { op: "in", attribute: "missing", values: [1] },
        { op: "contains", attribute: "missing", value: 1 },
      ];
      for (const condition of comparisons) {
        expect({ condition, applies: await applies(at, condition) }).toEqual({ condition, applies: false });
        expect({ condition, negated: await applies(at, { op: "not", of: condition }) }).toEqual({
          condition,
          negated: true,
        });
      }
    });

    it("the conditions and, or and not combine", async () => {
      const at = next();
      await put(at, { a: 1, b: 2 });
      const yes: Condition = { op: "eq", attribute: "a", value: 1 };
      const no: Condition = { op: "eq", attribute: "b", value: 1 };
      expect(await applies(at, { op: "and", of: [yes, { op: "not", of: no }] })).toBe(true);
      expect(await applies(at, { op: "and", of: [yes, no] })).toBe(false);
      expect(await applies(at, { op: "or", of: [no, yes] })).toBe(true);
      expect(await applies(at, { op: "or", of: [no, { op: "and", of: [no, yes] }] })).toBe(false);
    });

    it("setOnce keeps a present attribute", async () => {
      const at = next();
      await put(at, { a: 1 });
      const { item } = await store.write({ op: "update", key: at, change: { setOnce: { a: 9, b: 2 } } });
      expect(item?.attributes).toEqual({ a: 1, b: 2 });
    });

    it("add counts from zero and unites sets", async () => {
      const at = next();
      await put(at, { n: 1, s: new Set([1, 2]), t: new Set(["a"]) });
      const { item } = await store.write({
        op: "update",
        key: at,
        change: { add: { n: -3, m: 4, s: new Set([2, 300]), t: new Set(["b"]), u: new Set([0]) } },
      });
      expect(item?.attributes).toEqual({
        n: -2,
        m: 4,
        s: new Set([1, 2, 300]),
        t: new Set(["a", "b"]),
        u: new Set([0]),
      });
    });

    it("take removes members, and the attribute with the last one", async () => {
      const at = next();
      await put(at, { a: 1, s: new Set(["x", "y"]) });
      const once = await store.write({
        op: "update",
        key: at,
        change: { take: { s: new Set(["x", "unknown"]), missing: new Set([1]) } },
      });
      expect(once.item?.attributes).toEqual({ a: 1, s: new Set(["y"]) });
      const twice = await store.write({
        op: "update",
        key: at,
        change: { take: { s: new Set(["y"]) } },
        when: { op: "contains", attribute: "s", value: "y" },
      });
      expect(Object.keys(twice.item?.attributes ?? {})).toEqual(["a"]);
      expect(await applies(at, { op: "absent", attribute: "s" })).toBe(true);
    });

    it("remove deletes attributes", async () => {
      const at = next();
      await put(at, { a: 1, b: 2, c: [3] });
      const { item } = await store.write({
        op: "update",
        key: at,
        change: { remove: ["a", "c", "missing"], set: { d: 4 } },
      });
      expect(new Set(Object.keys(item?.attributes ?? {}))).toEqual(new Set(["b", "d"]));
    });

    it("a result is not changed by later writes", async () => {
      const at = next();
      const first = await put(at, { s: new Set([1]) });
      await store.write({ op: "update", key: at, change: { add: { s: new Set([2]) } } });
      expect(first.item?.attributes).toEqual({ s: new Set([1]) });
    });

    it("writeMany returns a result for each operation, in order", async () => {
      made++;
      const results = await store.writeMany([
        { op: "put", key: key("a"), attributes: { n: 1 } },
        { op: "put", key: key("b"), attributes: { n: 1 }, when: { op: "present" } },
        { op: "update", key: key("c"), change: { add: { n: 5 } } },
      ]);
      expect(results.map(({ applied }) => applied)).toEqual([true, false, true]);
      expect(results.map(({ item }) => item?.key.sort)).toEqual(["a", undefined, "c"]);
      for (const { units } of results) expect(units).toBeGreaterThan(0);
      expect(await store.writeMany([])).toEqual([]);
    });

    it("of many conditional writers exactly one wins", async () => {
      const at = next();
      const claims = Array.from({ length: 50 }, (_, index) => {
        return store.write({
          op: "update",
          key: at,
          change: { set: { owner: index } },
          when: { op: "absent", attribute: "owner" },
        });
      });
      const results = await Promise.all(claims);
      expect(results.filter(({ applied }) => applied)).toHaveLength(1);
      const winner = results.findIndex(({ applied }) => applied);
      expect(await attributesOf(at)).toEqual({ owner: winner });
      for (const { item } of results) expect(item?.attributes).toEqual({ owner: winner });
    });

    it("marks of a ledger count each member once", async () => {
      const at = next();
      const marks = [...Array(30).keys(), ...Array(30).keys()].map((member) => {
        const change = { add: { done: new Set([member]), success: 1 } };
        return store.write({
          op: "update",
          key: at,
          change,
          when: { op: "not", of: { op: "contains", attribute: "done", value: member } },
        });
      });
      expect((await Promise.all(marks)).filter(({ applied }) => applied)).toHaveLength(30);
      expect(await attributesOf(at)).toEqual({ done: new Set(Array(30).keys()), success: 30 });
    });

    it("getMany returns items in the order of the keys, with undefined for absent ones", async () => {
      made++;
      const sorts = Array.from({ length: 100 }, (_, index) => `s${(index * 37) % 100}`);
      const present = sorts.filter((_, index) => index % 3 !== 0);
      await store.writeMany(present.map((sort) => ({ op: "put", key: key(sort), attributes: { sort } })));
      const found = await store.getMany(sorts.map((sort) => key(sort)));
      expect(found.map((item) => item?.attributes["sort"])).toEqual(
        sorts.map((sort, index) => (index % 3 === 0 ? undefined : sort)),
      );
      expect(found[1]?.key).toEqual(key(sorts[1]));
    });

    storeQueryContract(() => store, prefix);

    it("a write costs more for a larger item, and a refused write costs units too", async () => {
      const at = next();
      const small = await put(at, { text: "x" });
      const large = await put(at, { text: "x".repeat(5_000) });
      const refused = await store.write({ op: "put", key: at, attributes: {}, when: { op: "absent" } });
      expect(small.units).toBeGreaterThan(0);
      expect(large.units).toBeGreaterThan(small.units);
      expect(refused.units).toBeGreaterThan(0);
    });

    it("a store keeps items of nearly 400 KB", async () => {
      const at = next();
      const text = "0123456789abcdef".repeat(24_900);
      await put(at, { text, n: 1 });
      await store.write({ op: "update", key: at, change: { add: { n: 1 } } });
      expect(await attributesOf(at)).toEqual({ text, n: 2 });
    });

    it("a store keeps keys of the greatest length, in any script", async () => {
      made++;
      const wide = "ключ-鍵-🗝";
      const longest = `${prefix}${"p".repeat(1_024 - prefix.length)}`;
      const nearly = `${prefix}${"п".repeat(Math.floor((1_024 - prefix.length) / 2))}`;
      const keys = [
        key(wide),
        key("s".repeat(512)),
        key("s".repeat(512), longest),
        key("鍵".repeat(170), longest),
        key("!", nearly),
        key("!", `${longest.slice(0, -1)}q`),
      ];
      await store.writeMany(keys.map((each, index) => ({ op: "put", key: each, attributes: { index } })));
      expect((await store.getMany(keys)).map((item) => item?.attributes["index"])).toEqual(
        keys.map((_, index) => index),
      );
      const { items } = await store.query("tasks", longest);
      expect(items.map((item) => item.key)).toEqual([keys[2], keys[3]]);
    });
  });
}
