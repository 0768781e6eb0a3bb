import { describe, expect, it } from "vitest";
import { describeFields, readFields, readPairs } from "../../cli/start-work.ts";
import type { JsonObject } from "../../functions/core/json.ts";
import { refusalOf } from "../core/refusal.ts";

const workflow = {
  name: "inventory",
  description: "",
  parametersSchema: {
    properties: {
      folder: { type: "string", description: "what to walk" },
      n: { type: "integer", default: 10 },
      deep: { type: "boolean" },
      tags: { type: "array" },
    },
    required: ["folder"],
    additionalProperties: {},
  },
};

const read = (...fields: string[]) => readFields(readPairs(fields), workflow);

describe("--field", () => {
  it("a field is JSON where the schema permits it, and text where it asks for text", () => {
    const fields = read("folder=123", "n=5", "deep=true", 'tags=["a"]', "note=hello", "other=1");
    expect(fields).toEqual({ folder: "123", n: 5, deep: true, tags: ["a"], note: "hello", other: 1 });
  });
  it("a field keeps everything after its first equals sign", () =>
    expect(read("folder=a=b")).toEqual({ folder: "a=b" }));
  it("a field may be empty", () => expect(read("folder=")).toEqual({ folder: "" }));
  it("a field __proto__ is sent like any other, for the server to refuse", () => {
    const fields = read('__proto__={"polluted":true}');
    expect(Object.keys(fields)).toEqual(["__proto__"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
  it("a field that the workflow would leave out is refused", () => {
    const { additionalProperties: _any, ...schema } = workflow.parametersSchema;
    expect(() => readFields(readPairs(["m=1"]), { ...workflow, parametersSchema: schema })).toThrow(
      "has no field m; its fields: folder, n, deep, tags",
    );
  });
  it("a number with more digits than a number holds is text where the schema permits it, and else refused", () => {
    const id = "9007199254740993";
    const permits = (schema: JsonObject) => ({ ...workflow, parametersSchema: { properties: { id: schema } } });
    const readId = (schema: JsonObject, text = id) => readFields(readPairs([`id=${text}`]), permits(schema))["id"];
    const ways = (...types: string[]): JsonObject => ({ anyOf: types.map((type) => ({ type })) });
    for (const schema of [{} as JsonObject, { type: ["null", "string"] }, ways("number", "string")])
      expect(readId(schema)).toBe(id);
    expect(read(`note=${id}`)).toEqual({ note: id });
    for (const schema of [{ type: "integer" } as JsonObject, { type: ["number", "null"] }, ways("number", "null")])
      expect(() => readId(schema)).toThrow("--field id=9007199254740993: a number does not hold all of these digits");
    expect(readId({ type: "integer" }, "9007199254740991")).toBe(9_007_199_254_740_991);
  });
  it.each([
    [`tags=[9007199254740993]`, "/fields/tags/0"],
    [`other={"a":1,"a":2}`, "/fields/other/a"],
  ])("the field %s is refused with its place", (text, field) => {
    expect(refusalOf(() => read(text))).toMatchObject({ code: "invalid_json", field });
  });
  it.each([[["folder"]], [["=x"]], [["n=1", "n=2"]]])("the fields %j are refused", (fields) => {
    expect(() => read(...fields)).toThrow(expect.objectContaining({ code: "invalid_request" }) as Error);
  });
});

it("each field of a workflow is described in one line", () => {
  expect(describeFields(workflow).slice(0, 2)).toEqual([
    "folder (string, required)  what to walk",
    "n (integer, default 10)",
  ]);
});
