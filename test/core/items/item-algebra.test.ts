import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FanfoldError } from "../../../functions/core/errors.ts";
import { applyChange, decideWrite, holds } from "../../../functions/core/items/item-algebra.ts";
import { attributesBytes, numberBytes } from "../../../functions/core/items/item-size.ts";
import type { Attribute, Attributes, Change, Condition, Key, WriteOp } from "../../../functions/core/items/item.ts";
import { compareUtf8, utf8Bytes } from "../../../functions/core/items/utf8.ts";
import { LmdbStore } from "../../../functions/embedded/lmdb/lmdb-store.ts";
import { MemoryStore } from "../../../functions/testing/ports/memory-store.ts";
import { openFolder } from "../../contract/lmdb-folder.ts";

const key: Key = { table: "callbacks", partition: "p", sort: "!" };

describe("write units", () => {
  const units = (before: Attributes | undefined, op: WriteOp) =>
    decideWrite(op, before && { key, attributes: before }, false).result.units;
  const put = (attributes: Attributes): WriteOp => ({ op: "put", key, attributes });

  it("are the larger of before and after, in started KB, at least one", () => {
    expect(units(undefined, put({}))).toBe(1);
    expect(units(undefined, put({ t: "x".repeat(1_017) }))).toBe(1);
    expect(units(undefined, put({ t: "x".repeat(1_018) }))).toBe(2);
    expect(units({ t: "x".repeat(5_000) }, put({}))).toBe(5);
    expect(units({ t: "x".repeat(5_000) }, { op: "remove", key })).toBe(5);
    expect(
      units({ t: "x".repeat(5_000) }, { op: "update", key, change: { set: { n: 1 } }, when: { op: "absent" } }),
    ).toBe(5);
  });

  it("count index entries: one to appear or vanish, two to move, none when nothing of them changes", () => {
    const indexed = { openShard: "1", nextCheck: 10 };
    expect(units(undefined, put(indexed))).toBe(2);
    expect(units(indexed, put({ ...indexed, other: 1 }))).toBe(1);
    expect(units(indexed, put({ ...indexed, nextCheck: 11 }))).toBe(3);
    expect(units(indexed, put({ openShard: "1" }))).toBe(2);
    expect(units(indexed, { op: "update", key, change: { set: { nextCheck: 11 } }, when: { op: "absent" } })).toBe(1);
  });

  it("a ledger of 256 members with its counters stays in one", () => {
    const ledger = {
      done: new Set(Array(256).keys()),
      success: 200,
      error: 56,
      failedMembers: 56,
      v: 1,
      jobId: "0".repeat(26),
      ttl: 1_800_000_000,
    };
    expect(units(ledger, put(ledger))).toBe(1);
  });
});

describe("sizes", () => {
  it("of numbers are two significant digits a byte", () => {
    const expected = [
      [0, 2],
      [9, 2],
      [99, 2],
      [100, 2],
      [101, 3],
      [12_345, 4],
      [1_800_000_000_000, 2],
      [-5, 3],
      [0.5, 2],
      [1.25, 3],
      [1e300, 2],
    ] as const;
    for (const [value, bytes] of expected) expect([value, numberBytes(value)]).toEqual([value, bytes]);
  });
  it("of lists and maps have overhead, of sets none", () => {
    expect(attributesBytes({ a: [1, "xy"] })).toBe(1 + 3 + (1 + 2) + (1 + 2));
    expect(attributesBytes({ a: { b: null } })).toBe(1 + 3 + 1 + 1 + 1);
    expect(attributesBytes({ a: new Set(["x", "yz"]), b: undefined })).toBe(1 + 3);
  });
  it("of texts, and their order, are those of UTF-8", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(utf8Bytes(a)).toBe(Buffer.byteLength(a));
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});

describe("changes", () => {
  it("do not touch what they are applied to, unless it is owned", () => {
    const members = new Set([1]);
    const change: Change = { add: { done: new Set([2]) }, take: { gone: new Set(["x"]) } };
    const before = { done: members, gone: new Set(["x", "y"]) };
    expect(applyChange(before, change)).toEqual({ done: new Set([1, 2]), gone: new Set(["y"]) });
    expect(before).toEqual({ done: new Set([1]), gone: new Set(["x", "y"]) });
    expect(applyChange(before, change, true)["done"]).toBe(members);
  });
  it("that DynamoDB would refuse are refused", () => {
    const bad: Change[] = [
      { set: { a: 1 }, add: { a: 1 } },
      { setOnce: { a: 1 }, remove: ["a"] },
      { add: { text: 1 } },
      { add: { text: new Set([1]) } },
      { take: { text: new Set([1]) } },
      { add: { members: new Set([1]) } },
      { set: { a: new Set<string>() } },
      { set: { a: Number.NaN } },
    ];
    for (const change of bad)
      expect(() => applyChange({ text: "x", members: new Set(["x"]) }, change)).toThrow(FanfoldError);
    expect(() => decideWrite({ op: "put", key, attributes: { a: "x".repeat(410_000) } }, undefined, false)).toThrow(
      FanfoldError,
    );
  });
  it("not is the opposite, whatever is there", () => {
    const condition: Condition = { op: "lt", attribute: "a", value: "b" };
    for (const value of [undefined, "a", "c", 1, null])
      expect(holds({ op: "not", of: condition }, { a: value })).toBe(!holds(condition, { a: value }));
  });
});

describe("stores that share the algebra", () => {
  const name = fc.constantFrom("a", "b", "openShard", "nextCheck");
  const members = fc.uniqueArray(fc.nat(9), { minLength: 1 }).map((list) => new Set(list));
  const scalar: fc.Arbitrary<Attribute> = fc.oneof(fc.nat(3), fc.constantFrom("x", "y"), members);
  const condition = fc.oneof(
    fc.record({ op: fc.constantFrom("absent" as const, "present" as const), attribute: name }),
    fc.record({ op: fc.constantFrom("eq" as const, "lt" as const), attribute: name, value: fc.nat(3) }),
    fc.record({ op: fc.constant("contains" as const), attribute: name, value: fc.nat(9) }),
  );
  const target = fc.constantFrom("1", "2", "é").map((sort): Key => ({ ...key, sort }));
  const change = fc.oneof(
    fc.dictionary(name, scalar).map((set): Change => ({ set })),
    fc.dictionary(name, scalar).map((setOnce): Change => ({ setOnce })),
    fc.record({ n: fc.nat(3), s: members }).map((add): Change => ({ add })),
    fc.record({ s: members }).map((take): Change => ({ take })),
    fc.uniqueArray(name).map((remove): Change => ({ remove })),
  );
  const op: fc.Arbitrary<WriteOp> = fc.oneof(
    fc.record({ op: fc.constant("put" as const), key: target, attributes: fc.dictionary(name, scalar) }),
    fc.record({ op: fc.constant("update" as const), key: target, change, when: condition }),
    fc.record({ op: fc.constant("update" as const), key: target, change }),
    fc.record({ op: fc.constant("remove" as const), key: target, when: condition }),
  );

  it("give the same answers to any sequence of operations", async () => {
    const { environment, close } = openFolder();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 30 }), async (ops) => {
        const partition = `p${run++}`;
        const mine = ops.map((each) => ({ ...each, key: { ...each.key, partition } }));
        const shard = { index: "open", partition: "x", upTo: 5, limit: 1_000 } as const;
        const [memory, lmdb] = [new MemoryStore(), new LmdbStore(environment)];
        // Each alone: a result shares sets with nothing that is written later.
        for (const each of mine) expect(await lmdb.write(each)).toEqual(await memory.write(each));
        expect(await lmdb.query("callbacks", partition)).toEqual(await memory.query("callbacks", partition));
        const keys = (await lmdb.queryIndex(shard)).keys.filter((found) => found.partition === partition);
        expect(keys).toEqual((await memory.queryIndex(shard)).keys);
        for (const each of (await memory.query("callbacks", partition)).items)
          await lmdb.write({ op: "remove", key: each.key });
      }),
      { numRuns: 150 },
    );
    await close();
  });
});
