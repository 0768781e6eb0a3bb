import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCanvas, parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import { FanfoldError } from "../../../functions/core/errors.ts";
import { LIMITS } from "../../../functions/core/limits.ts";
import { compileCanvas } from "../../../functions/core/plan/compile.ts";
import { refusalOf } from "../refusal.ts";
import { canvas, signature } from "./canvas-arbitrary.ts";

describe("the wire form", () => {
  it("brings every canvas back unchanged, also through text", () => {
    fc.assert(
      fc.property(canvas, (original) => {
        expect(parseCanvas(encodeCanvas(original))).toEqual(original);
        expect(parseCanvas(JSON.parse(JSON.stringify(encodeCanvas(original))))).toEqual(original);
      }),
    );
  });
  it("leaves defaults out and carries its version at the root only", () => {
    expect(
      encodeCanvas({ kind: "chain", items: [signature("a"), signature("b", { args: [1], immutable: true })] }),
    ).toEqual({
      v: 1,
      chain: [{ task: "a" }, { task: "b", args: [1], immutable: true }],
    });
  });
  it("reads a header as a list or as a group with options", () => {
    const body = { task: "sum" };
    expect(parseCanvas({ chord: { header: [{ task: "a" }], body } })).toEqual(
      parseCanvas({ v: 1, chord: { header: { group: [{ task: "a" }] }, body } }),
    );
    expect(
      parseCanvas({ chord: { header: { group: [], options: { policy: { threshold: 2 } } }, body } }),
    ).toMatchObject({
      header: { kind: "group", members: [], options: { policy: { threshold: 2 } } },
    });
  });
  it("makes the header of a chord immutable, not the body that is given its results", () => {
    const chord = {
      chord: { header: [{ task: "a" }, { chain: [{ task: "b" }, { task: "c" }] }], body: { task: "sum" } },
    };
    expect(encodeCanvas(parseCanvas({ ...chord, immutable: true }))).toEqual({
      v: 1,
      chord: {
        header: [{ task: "a", immutable: true }, { chain: [{ task: "b", immutable: true }, { task: "c" }] }],
        body: { task: "sum" },
      },
    });
  });
  it("accepts objects without a prototype", () => {
    expect(parseCanvas(Object.assign(Object.create(null) as object, { task: "a" }))).toEqual(signature("a"));
  });
  it("accepts a chain as deep as documents may be, and no deeper", () => {
    const nested = (levels: number) => {
      let node: object = { task: "a" };
      for (let level = 0; level < levels; level++) node = { chain: [node] };
      return node;
    };
    const deepest = parseCanvas(nested(LIMITS.jsonDepth / 2));
    expect(parseCanvas(encodeCanvas(deepest))).toEqual(deepest);
    expect(refusalOf(() => parseCanvas(nested(LIMITS.jsonDepth / 2 + 1)))).toMatchObject({ code: "too_deep" });
    expect(refusalOf(() => encodeCanvas({ kind: "chain", items: [deepest] }))).toMatchObject({ code: "too_deep" });
  });
});

function deep(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let node: unknown = { task: "a" };
  for (let level = 0; level < levels; level++) node = wrap(node);
  return node;
}
/** Takes no memory, whatever its length. */
function sparse(length: number): unknown[] {
  const array: unknown[] = [];
  array.length = length;
  return array;
}
const loop: { chain: unknown[] } = { chain: [] };
loop.chain.push(loop);
const argsLoop: unknown[] = [];
argsLoop.push(argsLoop);
function doubling(levels: number): unknown {
  let node: unknown = { task: "a" };
  for (let level = 0; level < levels; level++) node = { group: [node, node] };
  return node;
}
const text = (json: string): unknown => JSON.parse(json);

function fateOf(input: unknown): string {
  try {
    compileCanvas(parseCanvas(input));
    return "compiled";
  } catch (error) {
    return error instanceof FanfoldError ? "refused" : `crashed: ${String(error)}`;
  }
}

describe("hostile input is refused, never a crash", () => {
  it.each<
    [
      title: string,
      input: unknown,
      code: "invalid_canvas" | "too_deep" | "payload_too_large" | "too_many_children" | "invalid_queue_name",
      field?: string,
    ]
  >([
    ["undefined", undefined, "invalid_canvas", ""],
    ["null", null, "invalid_canvas", ""],
    ["a text", "task", "invalid_canvas", ""],
    ["NaN", Number.NaN, "invalid_canvas", ""],
    ["an array", [], "invalid_canvas", ""],
    ["a function", () => ({ task: "a" }), "invalid_canvas", ""],
    ["an instance of a class", new Map([["task", "a"]]), "invalid_canvas", ""],
    ["nothing in it", {}, "invalid_canvas", ""],
    ["100,000 chains", deep(100_000, (inner) => ({ chain: [inner] })), "too_deep"],
    ["100,000 groups", deep(100_000, (inner) => ({ group: [inner] })), "too_deep"],
    ["100,000 headers", deep(100_000, (inner) => ({ chord: { header: [inner], body: { task: "a" } } })), "too_deep"],
    ["100,000 bodies", deep(100_000, (inner) => ({ chord: { header: [], body: inner } })), "too_deep"],
    ["100,000 levels in an argument", { task: "a", args: [deep(100_000, (inner) => [inner])] }, "too_deep", "/args"],
    ["a canvas that contains itself", loop, "too_deep"],
    ["an argument that contains itself", { task: "a", args: argsLoop }, "too_deep", "/args"],
    ["2^90 nodes of 90 objects", doubling(90), "payload_too_large"],
    ["__proto__ as a node's key", text('{"__proto__":{"task":"a"}}'), "invalid_canvas", "/__proto__"],
    [
      "constructor as a node's key",
      text('{"task":"a","constructor":{"prototype":{}}}'),
      "invalid_canvas",
      "/constructor",
    ],
    [
      "__proto__ in kwargs",
      text('{"task":"a","kwargs":{"__proto__":{"polluted":1}}}'),
      "invalid_canvas",
      "/kwargs/__proto__",
    ],
    [
      "__proto__ deep in args",
      text('{"task":"a","args":[{"x":[{"__proto__":1}]}]}'),
      "invalid_canvas",
      "/args/0/x/0/__proto__",
    ],
    [
      "__proto__ in options",
      text('{"task":"a","options":{"__proto__":{"queue":"x"}}}'),
      "invalid_canvas",
      "/options/__proto__",
    ],
    [
      "__proto__ in a retry policy",
      text('{"task":"a","options":{"retry":{"__proto__":{}}}}'),
      "invalid_canvas",
      "/options/retry/__proto__",
    ],
    [
      "constructor in a retry policy",
      text('{"task":"a","options":{"retry":{"constructor":1}}}'),
      "invalid_canvas",
      "/options/retry/constructor",
    ],
    ["a name of a million characters", { task: "x".repeat(1_000_000) }, "invalid_canvas", "/task"],
    ["a key of a million characters", { task: "a", ["k".repeat(1_000_000)]: 1 }, "invalid_canvas"],
    [
      "an argument key of a million characters",
      { task: "a", kwargs: { ["k".repeat(1_000_000)]: 10n } },
      "invalid_canvas",
    ],
    ["an empty name", { task: "" }, "invalid_canvas", "/task"],
    ["a name with a line break", { task: "a\nb" }, "invalid_canvas", "/task"],
    ["a name with half a surrogate", { task: "a\ud800" }, "invalid_canvas", "/task"],
    ["a name that is a number", { task: 7 }, "invalid_canvas", "/task"],
    ["a task that is null", { task: null }, "invalid_canvas", "/task"],
    ["args that are an object", { task: "a", args: { length: 1e9 } }, "invalid_canvas", "/args"],
    ["kwargs that are a list", { task: "a", kwargs: [] }, "invalid_canvas", "/kwargs"],
    ["immutable that is a text", { task: "a", immutable: "true" }, "invalid_canvas", "/immutable"],
    ["NaN in args", { task: "a", args: [Number.NaN] }, "invalid_canvas", "/args/0"],
    ["Infinity in kwargs", { task: "a", kwargs: { x: Infinity } }, "invalid_canvas", "/kwargs/x"],
    ["BigInt in args", { task: "a", args: [[10n]] }, "invalid_canvas", "/args/0/0"],
    ["undefined in args", { task: "a", args: [undefined] }, "invalid_canvas", "/args/0"],
    ["a Date in args", { task: "a", args: [new Date(0)] }, "invalid_canvas", "/args/0"],
    ["a key with / and ~", { task: "a", kwargs: { "a/b~c": 1n } }, "invalid_canvas", "/kwargs/a~1b~0c"],
    ["an array of 4 billion holes", { task: "a", args: sparse(4_294_967_295) }, "payload_too_large", "/args"],
    ["a text of 7 MB", { task: "a", args: ["x".repeat(7_000_000)] }, "payload_too_large", "/args"],
    [
      "7 MB in many arguments",
      { group: Array.from({ length: 7 }, () => ({ task: "a", args: ["x".repeat(1_000_000)] })) },
      "payload_too_large",
    ],
    ["two billion members", { group: sparse(2_000_000_000) }, "too_many_children", "/group"],
    ["a million and one members", { group: sparse(LIMITS.groupMembers + 1) }, "too_many_children", "/group"],
    [
      "too many members of a header",
      { chord: { header: sparse(LIMITS.groupMembers + 1), body: {} } },
      "too_many_children",
      "/chord/header",
    ],
    ["a chain that is too long", { chain: sparse(LIMITS.strandSteps + 1) }, "too_many_children", "/chain"],
    ["a hole in a group", { group: [{ task: "a" }, undefined] }, "invalid_canvas", "/group/1"],
    ["an empty chain", { chain: [] }, "invalid_canvas", "/chain"],
    ["a chain that is an object", { chain: { 0: { task: "a" }, length: 1 } }, "invalid_canvas", "/chain"],
    ["a wrong item of a chain", { chain: [{ task: "a" }, { task: "b", args: 3 }] }, "invalid_canvas", "/chain/1/args"],
    ["two kinds at once", { task: "a", group: [] }, "invalid_canvas", "/group"],
    ["a key it does not know", { group: [{ task: "a", arg: [1] }] }, "invalid_canvas", "/group/0/arg"],
    ["a version of tomorrow", { v: 2, task: "a" }, "invalid_canvas", "/v"],
    ["a version below the root", { group: [{ v: 1, task: "a" }] }, "invalid_canvas", "/group/0/v"],
    ["a chord that is a list", { chord: [] }, "invalid_canvas", "/chord"],
    ["a chord without body", { chord: { header: [], body: null } }, "invalid_canvas", "/chord/body"],
    ["a chord without header", { chord: { body: { task: "a" } } }, "invalid_canvas", "/chord/header"],
    ["a header that is a number", { chord: { header: 7, body: { task: "a" } } }, "invalid_canvas", "/chord/header"],
    [
      "a wrong member of a header",
      { chord: { header: { group: [{ task: 1 }] }, body: { task: "a" } } },
      "invalid_canvas",
      "/chord/header/group/0/task",
    ],
    ["a wrong body", { chord: { header: [], body: { chain: [] } } }, "invalid_canvas", "/chord/body/chain"],
    [
      "group options on a chain",
      { chain: [{ task: "a" }], options: { policy: "settled" } },
      "invalid_canvas",
      "/options/policy",
    ],
    ["a priority of 10", { task: "a", options: { priority: 10 } }, "invalid_canvas", "/options/priority"],
    [
      "a countdown that is NaN",
      { task: "a", options: { countdown: Number.NaN } },
      "invalid_canvas",
      "/options/countdown",
    ],
    ["a negative countdown", { task: "a", options: { countdown: -1 } }, "invalid_canvas", "/options/countdown"],
    ["a timeout of zero", { task: "a", options: { timeout: 0 } }, "invalid_canvas", "/options/timeout"],
    ["an endless eta", { task: "a", options: { eta: Infinity } }, "invalid_canvas", "/options/eta"],
    [
      "no attempts",
      { task: "a", options: { retry: { maxAttempts: 0 } } },
      "invalid_canvas",
      "/options/retry/maxAttempts",
    ],
    ["a retry policy that is a number", { task: "a", options: { retry: 3 } }, "invalid_canvas", "/options/retry"],
    ["an option it does not know", { task: "a", options: { task_id: "x" } }, "invalid_canvas", "/options/task_id"],
    ["a queue that is no name", { task: "a", options: { queue: "a b" } }, "invalid_queue_name", "/options/queue"],
    ["the engine's queue", { task: "a", options: { queue: "engine" } }, "invalid_queue_name", "/options/queue"],
    ["a policy it does not know", { group: [], options: { policy: "any" } }, "invalid_canvas", "/options/policy"],
    [
      "a negative threshold",
      { group: [], options: { policy: { threshold: -1 } } },
      "invalid_canvas",
      "/options/policy/threshold",
    ],
    [
      "a threshold and more",
      { group: [], options: { policy: { threshold: 1, x: 1 } } },
      "invalid_canvas",
      "/options/policy",
    ],
    [
      "a tracking level it does not know",
      { group: [], options: { tracking: "none" } },
      "invalid_canvas",
      "/options/tracking",
    ],
    ["group options on a task", { task: "a", options: { policy: "settled" } }, "invalid_canvas", "/options/policy"],
    ["a link that is no list", { task: "a", link: { task: "b" } }, "invalid_canvas", "/link"],
    [
      "a wrong error link",
      { chain: [{ task: "a", link_error: [{ task: "b" }, {}] }] },
      "invalid_canvas",
      "/chain/0/link_error/1",
    ],
    ["more links than anybody needs", { task: "a", link: sparse(LIMITS.links + 1) }, "too_many_children", "/link"],
    ["stamps beside the options", { task: "a", stamps: {} }, "invalid_canvas", "/stamps"],
    [
      "a stamp that is an option",
      { task: "a", options: { queue: "x", stamped_headers: ["queue"] } },
      "invalid_canvas",
      "/options/stamped_headers",
    ],
    [
      "stamped_headers that are no names",
      { task: "a", options: { stamped_headers: [1] } },
      "invalid_canvas",
      "/options/stamped_headers",
    ],
    ["a map without a list", { map: { task: "a" } }, "invalid_canvas", "/map/it"],
    ["a map of nothing", { map: 7 }, "invalid_canvas", "/map"],
    ["a starmap over numbers", { starmap: { task: "a", it: [[1], 2] } }, "invalid_canvas", "/starmap/it/1"],
    ["chunks of no size", { chunks: { task: "a", it: [], n: 0 } }, "invalid_canvas", "/chunks/n"],
    ["args on a map", { map: { task: "a", it: [] }, args: [1] }, "invalid_canvas", "/args"],
    ["an empty pipe", { pipe: [] }, "invalid_canvas", "/pipe"],
  ])("%s", (_title, input, code, field) => {
    expect(refusalOf(() => parseCanvas(input))).toMatchObject(field === undefined ? { code } : { code, field });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("getters and proxies that throw", () => {
    const getter = Object.defineProperty({}, "task", { enumerable: true, get: () => JSON.parse("{") });
    expect(refusalOf(() => parseCanvas(getter))).toMatchObject({ code: "invalid_canvas" });
    expect(refusalOf(() => parseCanvas({ group: [getter] }))).toMatchObject({
      code: "invalid_canvas",
      field: "/group/0",
    });
    const trap = () => {
      throw new RangeError("trap");
    };
    expect(
      refusalOf(() => parseCanvas(new Proxy({}, { get: trap, getPrototypeOf: trap, ownKeys: trap }))),
    ).toMatchObject({
      code: "invalid_canvas",
      field: "",
    });
    expect(refusalOf(() => parseCanvas({ task: "a", args: [new Proxy({}, { ownKeys: trap })] }))).toMatchObject({
      code: "invalid_canvas",
      field: "/args/0",
    });
  });
  it("anything at all", () => {
    const keys = fc.constantFrom(
      "task",
      "chain",
      "group",
      "chord",
      "header",
      "body",
      "args",
      "kwargs",
      "options",
      "v",
      "__proto__",
      "immutable",
    );
    const { node } = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "medium" },
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true, withTypedArray: true }),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(keys, tie("node"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(node, (input) => {
        expect(["compiled", "refused"]).toContain(fateOf(input));
      }),
      { numRuns: 500 },
    );
  });
  it("and a bigger canvas is read where its reader allows it", () => {
    const big = { group: Array.from({ length: 7 }, () => ({ task: "a", args: ["x".repeat(1_000_000)] })) };
    expect(parseCanvas(big, { maxBytes: 8_000_000 })).toMatchObject({ kind: "group" });
  });
});
