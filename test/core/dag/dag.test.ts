import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parentsOf } from "../../../functions/core/dag/check-parents.ts";
import { linearParts } from "../../../functions/core/dag/linear-parts.ts";
import { childrenOf, descendantsOf, orderOf } from "../../../functions/core/dag/order.ts";

/** Returns what is thrown. */
function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
const nodes = (shape: { readonly [id: string]: string | undefined }) =>
  Object.entries(shape).map(([id, parents]) => ({ id, parents: parents === "" ? [] : parents?.split(" ") }));
const refused = (shape: { readonly [id: string]: string | undefined }) =>
  refusal(() => parentsOf(nodes(shape), ["graph"]));

describe("parents", () => {
  it("NG-062 a node without parents is refused, unless it is the first or says so", () => {
    expect(refused({ a: undefined, b: "a", c: undefined })).toMatchObject({
      code: "parents_missing",
      details: { field: "/graph/2/parents" },
      message: expect.stringContaining("node c"),
    });
    expect(parentsOf(nodes({ a: undefined, b: "a", c: "" }))).toEqual([[], [0], []]);
  });
  it("NG-062 unknown and repeated parents, cycles and equal ids are refused with the names of the nodes", () => {
    expect(refused({ a: "", b: "a z" })).toMatchObject({
      code: "parent_unknown",
      details: { field: "/graph/1/parents/1" },
      message: expect.stringContaining("node b follows z"),
    });
    expect(refused({ a: "", b: "a a" })).toMatchObject({
      code: "parent_duplicate",
      details: { field: "/graph/1/parents/1" },
    });
    expect(refused({ a: "c", b: "a", c: "b", d: "a" })).toMatchObject({
      code: "parent_cycle",
      message: "the graph has a cycle: a, which follows c, which follows b, which follows a",
    });
    expect(refused({ a: "a" })).toMatchObject({ code: "parent_cycle" });
    expect(refusal(() => parentsOf([{ id: "a" }, { id: "a", parents: [] }]))).toMatchObject({ code: "invalid_canvas" });
  });
  it("a node has at most 128 parents, and a graph 1,000 nodes", () => {
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, k) => [`n${k}`, ""]));
    expect(refused({ ...many, z: Object.keys(many).join(" ") })).toMatchObject({ code: "too_many_children" });
    const most = Array.from({ length: 1_001 }, (_, k) => ({ id: `n${k}`, parents: [] }));
    expect(refusal(() => parentsOf(most))).toMatchObject({ code: "too_many_children" });
  });
});

/** Random graphs whose nodes may follow any node before them. */
const graph = fc
  .array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
  .map((given) => given.map((each, k) => [...new Set(k === 0 ? [] : each.map((parent) => parent % k))]));

describe("linear parts", () => {
  it("a diamond with tails has a part for each line between forks and joins", () => {
    const shape = nodes({ a: "", b: "a", c: "b", d: "c", e: "c", f: "d e", g: "f" });
    expect(linearParts(parentsOf(shape))).toEqual({
      parts: [[0, 1, 2], [3], [4], [5, 6]],
      parents: [[], [0], [0], [1, 2]],
    });
  });
  it("each node is in one part, after its parents, and every edge is inside a part or between two ends", () => {
    fc.assert(
      fc.property(graph, (parents) => {
        const cut = linearParts(parents);
        const numbers = cut.parts.flat();
        expect(numbers.toSorted((a, b) => a - b)).toEqual(parents.map((_, place) => place));
        const partOf = (place: number): number => cut.parts.findIndex((part) => part.includes(place));
        // What a node follows, by the parts: the node before it, or the ends of the parts that its part follows.
        const followed = numbers.map((place) => {
          const part = cut.parts[partOf(place)] ?? [];
          const before = part[part.indexOf(place) - 1];
          const ends = (cut.parents[partOf(place)] ?? []).map((each) => cut.parts[each]?.at(-1));
          return before === undefined ? ends : [before];
        });
        expect(followed).toEqual(numbers.map((place) => parents[place]));
        expect(cut.parents.every((each, own) => each.every((parent) => parent < own))).toBe(true);
      }),
    );
    expect.hasAssertions();
  });
  it("lines are as long as possible: no part continues the only child of its end", () => {
    fc.assert(
      fc.property(graph, (parents) => {
        const cut = linearParts(parents);
        const below = childrenOf(cut.parents);
        const continued = cut.parents.filter((each) => each.length === 1 && below[each[0] as number]?.length === 1);
        expect(continued).toEqual([]);
      }),
    );
    expect.hasAssertions();
  });
  it("the order is that of the nodes as given, where their parents allow it", () => {
    expect(orderOf([[2], [], []]).order).toEqual([1, 2, 0]);
    expect([...descendantsOf([[], [0], [1], []], [0])].toSorted((a, b) => a - b)).toEqual([1, 2]);
  });
});
