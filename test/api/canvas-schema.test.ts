import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { canvasJsonSchema } from "../../functions/api/canvas-schema.ts";
import { encodeCanvas, parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { canvas as anyCanvas } from "../core/canvas/canvas-arbitrary.ts";

const published = new URL("../../docs/canvas.schema.json", import.meta.url);
const schema = z.fromJSONSchema(JSON.parse(readFileSync(published, "utf8")) as Parameters<typeof z.fromJSONSchema>[0]);
const describes = (node: unknown): boolean => schema.safeParse(node).success;
function parses(node: unknown): boolean {
  try {
    parseCanvas(structuredClone(node));
    return true;
  } catch {
    return false;
  }
}
const add = { task: "add", args: [1, 2] };

describe("docs/canvas.schema.json", () => {
  // `npx vitest run test/api/canvas-schema.test.ts -u` writes the file anew.
  it("docs/canvas.schema.json is the API's schema", () =>
    expect(`${JSON.stringify(canvasJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(published.pathname));

  it("the canvas schema accepts every canvas that can be encoded", () => {
    fc.assert(
      fc.property(anyCanvas, (canvas) => {
        expect(describes(encodeCanvas(canvas))).toBe(true);
      }),
    );
  });
  it("the canvas schema agrees with the parser about the conformance cases", () => {
    const cases = JSON.parse(
      readFileSync(new URL("../conformance/cases/canvas-cases.json", import.meta.url), "utf8"),
    ) as {
      id: string;
      given: { canvas?: unknown };
    }[];
    const canvases = cases.flatMap(({ id, given: { canvas } }) => (canvas === undefined ? [] : [{ id, canvas }]));
    expect(canvases.length).toBeGreaterThan(180);
    expect(canvases.filter(({ canvas }) => describes(canvas) !== parses(canvas)).map(({ id }) => id)).toEqual([]);
  });
  it.each([
    ["a signature", add, true],
    ["stamps", { ...add, options: { team: "a", stamped_headers: ["team"] } }, true],
    ["a misspelt option", { ...add, options: { que: "high" } }, false],
    ["a misspelt key", { ...add, arg: [1] }, false],
    ["no kind", { args: [1] }, false],
    ["an empty chain", { chain: [] }, false],
    ["an empty group", { group: [] }, true],
    ["options of a group and of its members", { group: [add], options: { policy: "settled", priority: 3 } }, true],
    ["a policy on a signature", { ...add, options: { policy: "settled" } }, false],
    ["a chord without a body", { chord: { header: [add] } }, false],
    ["a header that is one node", { chord: { header: add, body: add } }, true],
    ["starmap over numbers", { starmap: { task: "add", it: [1] } }, false],
    ["chunks of nothing", { chunks: { task: "add", it: [[1]], n: 0 } }, false],
    ["a priority above 9", { ...add, options: { priority: 10 } }, false],
    ["a link that is no list", { ...add, link: add }, false],
    [
      "a branch",
      { when: { condition: { is: "gt", value: 3, path: "/n" }, do: add, otherwise: { chain: [add] } } },
      true,
    ],
    ["a branch on nothing", { when: { condition: { is: "gt" }, do: add } }, false],
    ["a condition of two forms", { when: { condition: { is: "truthy", not: { is: "truthy" } }, do: add } }, false],
    ["a loop", { repeat: { body: add, until: { all: [{ is: "exists" }, { not: { is: "truthy" } }] }, most: 3 } }, true],
    ["a loop without bound", { repeat: { body: add, until: { is: "truthy" } } }, false],
    ["an approval", { approval: { name: "release", expires: 60 } }, true],
    ["an event without a name", { event: {} }, false],
    ["a tolerated share", { group: [add], options: { policy: { percent: 10 } } }, true],
    [
      "a graph",
      {
        graph: [
          { id: "a", do: add },
          { id: "b", do: add, parents: ["a"], site: "paris" },
        ],
      },
      true,
    ],
    [
      "options of a graph and of its nodes",
      { graph: [{ id: "a", do: add }], options: { policy: "settled", priority: 3 } },
      true,
    ],
    ["a tracking of a graph", { graph: [{ id: "a", do: add }], options: { tracking: "lazy" } }, false],
    ["a graph without nodes", { graph: [] }, false],
    ["a node without a canvas", { graph: [{ id: "a" }] }, false],
    ["a node without an id", { graph: [{ do: add }] }, false],
    ["another version", { ...add, v: 2 }, false],
  ])("the canvas schema agrees with the parser about %s", (_title, node, right) =>
    expect([describes(node), parses(node)]).toEqual([right, right]),
  );
});
