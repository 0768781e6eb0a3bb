import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chainOf, pipe, piped } from "../../../functions/core/canvas/canvas-composition.ts";
import { checkCanvasDepth } from "../../../functions/core/canvas/canvas-depth.ts";
import { addingLinks, withLink } from "../../../functions/core/canvas/canvas-links.ts";
import { setOptions } from "../../../functions/core/canvas/canvas-parts.ts";
import { encodeCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import type { Canvas, Group } from "../../../functions/core/canvas/canvas.ts";
import { refusalOf } from "../refusal.ts";
import { canvas, signature } from "./canvas-arbitrary.ts";

const a = signature("a");
const pair: Group = { kind: "group", members: [a, a], options: {} };
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, k) => make(k));

describe("long and deep canvases", () => {
  it("a pipe of many items is the pipes of two, one after the other", () => {
    fc.assert(
      fc.property(fc.array(canvas, { minLength: 1, maxLength: 6 }), (items) => {
        expect(piped(items)).toEqual(items.reduce(pipe));
      }),
    );
  });
  it("a chain of 9,999 groups is composed, and refused as too deep instead of overflowing the stack", () => {
    expect(refusalOf(() => checkCanvasDepth(chainOf(times(9_999, () => pair))))).toMatchObject({ code: "too_deep" });
    expect(refusalOf(() => piped(times(9_999, () => pair)))).toMatchObject({ code: "too_deep" });
  });
  it("a canvas is as deep as its wire form", () => {
    const refused = (work: () => unknown): boolean => {
      try {
        work();
        return false;
      } catch {
        return true;
      }
    };
    fc.assert(
      fc.property(canvas, fc.integer({ min: 90, max: 102 }), (inner, levels) => {
        let deep: Canvas = inner;
        for (let level = 0; level < levels; level++) deep = { kind: "chain", items: [deep] };
        expect(refused(() => checkCanvasDepth(deep))).toBe(refused(() => encodeCanvas(deep)));
      }),
    );
  });
});

describe("what many signatures are given", () => {
  it("members without options of their own share the given ones, and the merged ones if they shared theirs", () => {
    const shared = { ...a, options: { priority: 1 } };
    const group = setOptions({ ...pair, members: [a, a, shared, shared] }, { stamps: { team: "x" } }) as Group;
    const [one, two, three, four] = group.members.map((member) => (member as typeof a).options);
    expect([one === two, three === four, three]).toEqual([true, true, { priority: 1, stamps: { team: "x" } }]);
  });
  it("members with equal lists of links share the new ones, which are the links added one by one", () => {
    const add = addingLinks([a, signature("b"), a], []);
    const [linked, again] = [add(a), add(signature("c"))] as [typeof a, typeof a];
    expect(linked.link).toBe(again.link);
    expect(linked).toEqual([a, signature("b"), a].reduce<Canvas>(withLink, a));
  });
});
