import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import { LIMITS } from "../../../functions/core/limits.ts";
import { compileCanvas } from "../../../functions/core/plan/compile.ts";
import { PlanSize } from "../../../functions/core/plan/plan-size.ts";
import { refusalOf } from "../refusal.ts";

const nothing = { steps: 0, characters: 0, runs: 0 };
const task = { task: "a" };
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, k) => make(k));

describe("the size of a plan", () => {
  it.each([
    ["steps", LIMITS.planSteps, "too_many_children"],
    ["characters", LIMITS.planCharacters, "payload_too_large"],
    ["runs", LIMITS.plannedRuns, "too_many_children"],
  ] as const)("as many %s as the limit fit, and one more is refused with both numbers", (name, limit, code) => {
    const size = new PlanSize();
    size.add({ ...nothing, [name]: limit }, []);
    const refusal = refusalOf(() => size.add({ ...nothing, [name]: 1 }, ["group", 7]));
    expect(refusal).toMatchObject({ code, field: "/group/7", details: { [name]: limit + 1, limit } });
  });

  it("a part that is used again adds what it added first, as often as the loops around its new place run", () => {
    const size = new PlanSize();
    const [, part] = size.repeated(1_000, () => size.measured(() => size.add({ ...nothing, runs: 5 }, [])));
    expect(part).toEqual({ ...nothing, runs: 5 });
    size.repeated((LIMITS.plannedRuns - 5_000) / 5, () => size.add(part, []));
    expect(refusalOf(() => size.add(part, [])).details).toMatchObject({ runs: LIMITS.plannedRuns + 5 });
  });

  it("a callback that many steps call is compiled once, and counted beside each of them", () => {
    const canvas = parseCanvas({ chain: times(1_000, () => task), link_error: times(100, (k) => ({ task: `e${k}` })) });
    const steps = compileCanvas(canvas);
    const callbacks = steps.map((step) => (step.errors as unknown as { members: readonly unknown[] }).members[99]);
    expect(new Set(callbacks).size).toBe(1);
    const size = new PlanSize();
    for (let k = 0; k < 19; k++) compileCanvas(canvas, undefined, size);
    expect(refusalOf(() => compileCanvas(canvas, undefined, size)).details).toMatchObject({ limit: LIMITS.planSteps });
  });

  it.each<[string, unknown, string]>([
    [
      "error links in error links",
      times(9, () => 0).reduce<unknown>((inner) => ({ chain: times(100, () => task), link_error: [inner] }), task),
      "too_many_children",
    ],
    [
      "a long argument of a link of many",
      { chain: times(9_000, () => task), link_error: [{ ...task, args: ["x".repeat(1_000_000)] }] },
      "payload_too_large",
    ],
    [
      "loops in loops",
      times(30, () => 0).reduce<unknown>((body) => ({ repeat: { body, until: { is: "exists" }, most: 9_999 } }), task),
      "too_many_children",
    ],
  ])("%s are refused before anything of that size is built", (_what, wire, code) => {
    expect(refusalOf(() => compileCanvas(parseCanvas(wire)))).toMatchObject({ code });
  });

  it("options on many levels are refused when they would be given too often", () => {
    const members = times(100_000, () => task);
    const levels = (count: number) =>
      times(count, (k) => k).reduce<unknown>((inner, k) => ({ group: [inner], options: { priority: k % 10 } }), {
        group: members,
      });
    parseCanvas(levels(29));
    expect(refusalOf(() => parseCanvas(levels(31)))).toMatchObject({
      code: "too_many_children",
      details: { limit: LIMITS.givenNodes },
    });
  });
});
