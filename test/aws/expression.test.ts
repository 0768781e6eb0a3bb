import { describe, expect, it } from "vitest";
import { compileWrite } from "../../functions/aws/expression.ts";
import type { Condition } from "../../functions/core/items/item.ts";

describe("expressions", () => {
  const conditionOf = (when: Condition) => compileWrite(undefined, when).ConditionExpression;
  const a: Condition = { op: "present", attribute: "a" };
  const b: Condition = { op: "lt", attribute: "b", value: 1 };

  it("a change becomes one expression with a placeholder for every name", () => {
    const change = {
      set: { status: "x", absent: undefined },
      setOnce: { ttl: 5 },
      add: { n: 1, done: new Set([3]), nothing: new Set<number>() },
      take: { unmet: new Set(["t"]) },
      remove: ["due"],
    };
    expect(compileWrite(change, { op: "absent" })).toEqual({
      UpdateExpression: "SET #0 = :0, #1 = if_not_exists(#1, :1) ADD #2 :2, #3 :3 DELETE #4 :4 REMOVE #5",
      ConditionExpression: "attribute_not_exists(#6)",
      ExpressionAttributeNames: {
        "#0": "status",
        "#1": "ttl",
        "#2": "n",
        "#3": "done",
        "#4": "unmet",
        "#5": "due",
        "#6": "pk",
      },
      ExpressionAttributeValues: {
        ":0": { S: "x" },
        ":1": { N: "5" },
        ":2": { N: "1" },
        ":3": { NS: ["3"] },
        ":4": { SS: ["t"] },
      },
    });
    expect(compileWrite({}, undefined)).toEqual({});
    expect(compileWrite({ remove: ["a"] }, undefined)).toEqual({
      UpdateExpression: "REMOVE #0",
      ExpressionAttributeNames: { "#0": "a" },
    });
  });

  it("expressions of one shape differ only in their values", () => {
    const claim = (owner: string, now: number) =>
      compileWrite(
        { set: { owner } },
        {
          op: "or",
          of: [
            { op: "absent", attribute: "owner" },
            { op: "lt", attribute: "until", value: now },
          ],
        },
      );
    const shape = { UpdateExpression: "SET #0 = :0", ConditionExpression: "attribute_not_exists(#0) OR #1 < :1" };
    expect(claim("a", 1)).toMatchObject({
      ...shape,
      ExpressionAttributeValues: { ":0": { S: "a" }, ":1": { N: "1" } },
    });
    expect(claim("b", 2)).toMatchObject({
      ...shape,
      ExpressionAttributeValues: { ":0": { S: "b" }, ":1": { N: "2" } },
    });
    expect(compileWrite({ set: { other: "b" } }, undefined).ExpressionAttributeNames).toEqual({ "#0": "other" });
  });

  it("a condition has no redundant parentheses, which DynamoDB refuses", () => {
    expect(conditionOf({ op: "and", of: [a, { op: "or", of: [b, a] }] })).toBe(
      "attribute_exists(#0) AND (#1 < :0 OR attribute_exists(#0))",
    );
    expect(conditionOf({ op: "or", of: [a, { op: "and", of: [b, a] }] })).toBe(
      "attribute_exists(#0) OR #1 < :0 AND attribute_exists(#0)",
    );
    expect(conditionOf({ op: "not", of: { op: "and", of: [a, { op: "not", of: b }] } })).toBe(
      "NOT (attribute_exists(#0) AND NOT #1 < :0)",
    );
    expect(
      conditionOf({
        op: "and",
        of: [
          { op: "or", of: [a] },
          { op: "and", of: [b] },
        ],
      }),
    ).toBe("attribute_exists(#0) AND #1 < :0");
    expect(conditionOf({ op: "not", of: { op: "not", of: a } })).toBe("NOT (NOT attribute_exists(#0))");
  });
});
