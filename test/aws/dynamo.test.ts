import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AwsPorts, createAwsPorts } from "../../functions/aws/aws-ports.ts";
import type { Attributes, Condition, Key } from "../../functions/core/items/item.ts";
import type { Json } from "../../functions/core/json.ts";
import { emulatedVariables, isEmulated, makeTables } from "./emulated.ts";

/** Tests what the contract of all stores leaves out, because only DynamoDB has these limits. */
describe.runIf(isEmulated("DYNAMODB"))("where AWS_ENDPOINT_URL names a DynamoDB", () => {
  let ports: AwsPorts;
  let removeTables: () => Promise<void>;
  const key = (sort: string): Key => ({ table: "callbacks", partition: "P", sort });
  beforeAll(async () => {
    const variables = emulatedVariables();
    removeTables = await makeTables(variables);
    ports = createAwsPorts(variables);
  });
  afterAll(() => removeTables());

  it("a mark of a hundred members costs one write unit and fits into an expression", async () => {
    const members = Array.from({ length: 100 }, (_, k) => k + 100);
    const when: Condition = {
      op: "and",
      of: members.map((value): Condition => ({ op: "not", of: { op: "contains", attribute: "done", value } })),
    };
    const mark = {
      op: "update",
      key: key("mark"),
      change: { add: { done: new Set(members), success: 100 }, setOnce: { v: 1 } },
      when,
    } as const;
    expect(await ports.store.write(mark)).toMatchObject({
      applied: true,
      units: 1,
      item: { attributes: { done: new Set(members), success: 100, v: 1 } },
    });
    expect(await ports.store.write(mark)).toMatchObject({
      applied: false,
      units: 1,
      item: { attributes: { success: 100 } },
    });
  });

  it("a value that DynamoDB has no type for survives a write and a read", async () => {
    let deep: Json = "bottom";
    for (let level = 0; level < 150; level++) deep = level % 2 === 0 ? [deep] : { "": deep };
    const attributes: Attributes = {
      deep: deep as Attributes[string],
      huge: 1e300,
      tiny: [1e-300, -1e300],
      half: "\ud83d",
      reserved: { status: "" },
      status: "s",
      name: "n",
    };
    await ports.store.write({ op: "put", key: key("strange"), attributes });
    expect((await ports.store.get(key("strange"), { consistent: true }))?.attributes).toEqual(attributes);
  });

  it("an item that enters, moves in or leaves an index costs the extra units that DynamoDB documents", async () => {
    const at = key("indexed");
    const entered = await ports.store.write({ op: "put", key: at, attributes: { openShard: "OPEN#1", nextCheck: 1 } });
    const beside = await ports.store.write({ op: "update", key: at, change: { set: { other: 1 } } });
    expect([entered.units, beside.units]).toEqual([2, 1]);
  });

  // MiniStack counts half a unit for any read. It is the emulator that AWS_ENDPOINT_URL alone names.
  it.runIf(process.env["AWS_ENDPOINT_URL_DYNAMODB"])(
    "a consistent read is counted at twice the units of another read",
    async () => {
      await ports.store.write({ op: "put", key: key("read"), attributes: { text: "x".repeat(5_000) } });
      const readUnits = async (read: () => Promise<unknown>): Promise<number> => {
        const before = ports.usage().readUnits;
        await read();
        return ports.usage().readUnits - before;
      };
      expect(await readUnits(() => ports.store.get(key("read")))).toBe(1);
      expect(await readUnits(() => ports.store.get(key("read"), { consistent: true }))).toBe(2);
      expect(await readUnits(() => ports.store.getMany([key("read"), key("read")]))).toBe(2);
    },
  );

  it("a query whose lower bound is above its upper bound finds nothing", async () => {
    expect(await ports.store.query("callbacks", "P", { from: "b", to: "a" })).toEqual({ items: [] });
  });
});
