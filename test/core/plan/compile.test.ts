import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlainGroup, normalised, unrolled, unwrapped } from "../../../functions/core/canvas/canvas-composition.ts";
import { encodeCanvas, parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import type { Canvas } from "../../../functions/core/canvas/canvas.ts";
import { LIMITS } from "../../../functions/core/limits.ts";
import { compileCanvas } from "../../../functions/core/plan/compile.ts";
import { strandTasks } from "../../../functions/core/plan/strand-tasks.ts";
import { isGroupStep, type PlanStep, type Strand } from "../../../functions/core/plan/plan.ts";
import { canvas, signature } from "../canvas/canvas-arbitrary.ts";
import { refusalOf } from "../refusal.ts";

const [a, b, c] = [signature("a"), signature("b"), signature("c")];
const group = (members: readonly Canvas[]): Canvas & { kind: "group" } => ({ kind: "group", members, options: {} });
const chain = (...items: Canvas[]): Canvas => ({ kind: "chain", items });
/** What keeps its shape wherever it stands: a plain group may dissolve, and an empty one is passed over. */
const firm = canvas.filter(
  (each) =>
    !isPlainGroup(each) &&
    !isPlainGroup(unrolled(unwrapped(each))) &&
    !compileCanvas(each).some((step) => isGroupStep(step) && Array.isArray(step.members) && step.members.length === 0),
);

/** Without the error links that a group step takes over from what follows it. */
const untold = (step: PlanStep): PlanStep => {
  const { errors: _errors, ...rest } = step;
  return isGroupStep(step) ? (rest as PlanStep) : step;
};

describe("compileCanvas", () => {
  it("of a chain is the concatenation of its items", () => {
    fc.assert(
      fc.property(fc.array(firm, { minLength: 1, maxLength: 5 }), (items) => {
        expect(compileCanvas(chain(...items)).map(untold)).toEqual(
          items.flatMap((each) => compileCanvas(each)).map(untold),
        );
      }),
    );
  });
  it("of a chord is that of its header followed by its body", () => {
    fc.assert(
      fc.property(fc.array(canvas, { maxLength: 3 }), firm, (members, body) => {
        const header: Canvas & { kind: "group" } = { kind: "group", members, options: { tracking: "lazy" } };
        expect(compileCanvas({ kind: "chord", header, body })).toEqual(compileCanvas(chain(header, body)));
      }),
    );
  });
  it("of a group is one step with a strand per member", () => {
    fc.assert(
      fc.property(fc.array(firm, { maxLength: 4 }), (members) => {
        expect(compileCanvas(group(members))).toEqual([
          { policy: "allSuccess", tracking: "lazy", members: members.map((each) => compileCanvas(each)) },
        ]);
      }),
    );
  });
  it("of the normal form is that of the canvas", () => {
    // Whom error links of a chain tell depends on what the rules have made of its groups, so those have examples of their own below.
    const quiet = canvas.filter((each) => !JSON.stringify(each).includes("linkError"));
    fc.assert(
      fc.property(quiet, (each) => {
        expect(compileCanvas(normalised(each))).toEqual(compileCanvas(each));
      }),
    );
  });
  it("is the same before and after the wire", () => {
    fc.assert(
      fc.property(canvas, (each) => {
        expect(compileCanvas(parseCanvas(encodeCanvas(each)))).toEqual(compileCanvas(each));
      }),
    );
  });
  it("leaves defaults out, so that plans of big groups stay small", () => {
    expect(JSON.stringify(compileCanvas(a))).toBe('[{"task":"a"}]');
    const full = { args: [1], kwargs: { x: 2 }, options: { queue: "high" } };
    expect(compileCanvas(signature("a", { ...full, immutable: true }))).toEqual([
      { task: "a", ...full, immutable: true },
    ]);
  });
  it("keeps a group's own policy and tracking", () => {
    expect(compileCanvas({ kind: "group", members: [], options: { policy: "failFast", tracking: "full" } })).toEqual([
      { policy: "failFast", tracking: "full", members: [] },
    ]);
  });
  it("dissolves plain groups in groups, and passes over them in chains", () => {
    expect(compileCanvas(group([a, group([b, group([c])])]))).toMatchObject([
      { members: [[{ task: "a" }], [{ task: "b" }], [{ task: "c" }]] },
    ]);
    expect(compileCanvas(chain(a, group([]), group([group([b])]), c))).toEqual([
      { task: "a" },
      { task: "b" },
      { task: "c" },
    ]);
    expect(compileCanvas(chain(group([]), a))).toMatchObject([{ members: [] }, { task: "a" }]);
    const settled: Canvas = { kind: "group", members: [b], options: { policy: "settled" } };
    expect(compileCanvas(chain(a, settled, c))).toMatchObject([
      { task: "a" },
      { members: [[{ task: "b" }]] },
      { task: "c" },
    ]);
    expect(compileCanvas(group([a, settled]))).toMatchObject([
      { members: [[{ task: "a" }], [{ members: [[{ task: "b" }]] }]] },
    ]);
  });
  it("hangs the links of a chain on its last step and its error links on each", () => {
    const linked: Canvas = { kind: "chain", items: [a, b], link: [c], linkError: [signature("e")] };
    const links = { members: [[{ task: "c" }]] };
    const errors = { members: [[{ task: "e" }]] };
    expect(compileCanvas(chain(linked, a))).toMatchObject([
      { task: "a", errors },
      { task: "b", links, errors },
      { task: "a" },
    ]);
    expect(compileCanvas(chain(linked, a))[2]).toEqual({ task: "a" });
  });
  it("tells the error links of a body when its header fails", () => {
    const body = signature("b", { linkError: [signature("e")] });
    const told = [
      { members: [[{ task: "a" }], [{ task: "c" }]], errors: { members: [[{ task: "e" }]] } },
      { task: "b" },
    ];
    expect(compileCanvas({ kind: "chord", header: group([a, c]), body })).toMatchObject(told);
    expect(compileCanvas(chain(group([a, c]), body))).toMatchObject(told);
  });
  it("cuts chunks into starmaps", () => {
    expect(compileCanvas({ kind: "chunks", task: "a", items: [[1], [2], [3]], size: 2, options: {} })).toMatchObject([
      { members: [[{ task: "a", each: "starmap", args: [[[1], [2]]], immutable: true }], [{ args: [[[3]]] }]] },
    ]);
  });
  it("refuses an empty chain wherever it stands", () => {
    expect(refusalOf(() => compileCanvas(chain()))).toMatchObject({ code: "invalid_canvas", field: "/chain" });
    expect(refusalOf(() => compileCanvas({ kind: "chord", header: group([a, chain()]), body: b }))).toMatchObject({
      code: "invalid_canvas",
      field: "/chord/header/1/chain",
    });
    expect(
      refusalOf(() => compileCanvas({ kind: "chord", header: group([a]), body: chain(b, chain()) })),
    ).toMatchObject({
      code: "invalid_canvas",
      field: "/chord/body/chain/1/chain",
    });
  });
  it("accepts groups nested as deep as the tree of a job, and no deeper", () => {
    const nested = (levels: number): Canvas =>
      levels === 0 ? a : { kind: "group", members: [nested(levels - 1)], options: { policy: "settled" } };
    expect(compileCanvas(nested(LIMITS.groupDepth))).toHaveLength(1);
    expect(refusalOf(() => compileCanvas(nested(LIMITS.groupDepth + 1)))).toMatchObject({ code: "too_deep" });
    // What follows a group is beside it, not below it.
    const sideBySide = chain(...Array.from({ length: LIMITS.groupDepth + 1 }, () => group([a, b])));
    expect(compileCanvas(sideBySide)).toHaveLength(LIMITS.groupDepth + 1);
  });
  it("survives chains nested 100,000 deep", () => {
    let deep: Canvas = a;
    for (let level = 0; level < 100_000; level++) deep = chain(deep);
    expect(refusalOf(() => compileCanvas(deep))).toMatchObject({ code: "too_deep" });
  });
  it("counts the steps of a strand after flattening", () => {
    const half = chain(...Array.from({ length: 5_000 }, () => a));
    expect(compileCanvas(half)).toHaveLength(5_000);
    expect(refusalOf(() => compileCanvas(chain(half, half)))).toMatchObject({
      code: "too_many_children",
      field: "/chain/1/chain/4999",
    });
  });
  it("refuses more members than a group may be given at once", () => {
    const members = Array.from({ length: LIMITS.groupMembers + 1 }, () => a);
    expect(refusalOf(() => compileCanvas(group(members)))).toMatchObject({
      code: "too_many_children",
      field: "/group",
    });
  });
});

describe("strandTasks", () => {
  const namesIn = (strand: Strand) => [...strandTasks(strand)].map(([{ task }, field]) => [task, field]);

  it("names each task once, where it is first used", () => {
    const strand = compileCanvas(
      chain(a, group([a, chain(b, a), { kind: "group", members: [c], options: { policy: "settled" } }]), b),
    );
    expect(namesIn(strand)).toEqual([
      ["a", "/chain/0"],
      ["b", "/chain/1/group/1/chain/0"],
      ["c", "/chain/1/group/2/group/0"],
    ]);
    expect(namesIn(compileCanvas(a))).toEqual([["a", ""]]);
  });
  it("names a task again in each other queue", () => {
    const on = (queue: string): Canvas => ({ ...a, options: { queue } });
    expect(namesIn(compileCanvas(group([a, on("x"), on("x"), a, on("y")])))).toEqual([
      ["a", "/group/0"],
      ["a", "/group/1"],
      ["a", "/group/4"],
    ]);
  });
  it("finds the tasks that a walk over all steps finds", () => {
    const walk = (strand: Strand): string[] =>
      strand.flatMap((step) => [
        ...(isGroupStep(step) ? (step.members as readonly Strand[]).flatMap(walk) : [step.task]),
        ...("links" in step ? ((step.links?.members ?? []) as readonly Strand[]).flatMap(walk) : []),
        ...(step.errors ? (step.errors.members as readonly Strand[]).flatMap(walk) : []),
      ]);
    fc.assert(
      fc.property(canvas, (each) => {
        const strand = compileCanvas(each);
        const found = [...strandTasks(strand)].map(([{ task }]) => task);
        expect([...new Set(found)]).toEqual([...new Set(walk(strand))]);
      }),
    );
  });
});
