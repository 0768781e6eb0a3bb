import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { addTask, defineTask, Graph, taskTemplate } from "../../functions/sdk/index.ts";

/** Returns what is thrown. */
function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe("Graph", () => {
  it("NG-055 a template of one task is a graph of one node with its arguments, aimed at its site", () => {
    expect(taskTemplate("dynamo.tasks.reverse_stub", { kwargs: { hydrate: false }, site: "paris" }).toJSON()).toEqual({
      v: 1,
      graph: [
        {
          id: "dynamo.tasks.reverse_stub@0",
          do: { task: "dynamo.tasks.reverse_stub", kwargs: { hydrate: false } },
          parents: [],
          site: "paris",
        },
      ],
    });
  });
  it("NG-058 a node has an id by which others name it, also through the free function", () => {
    const graph = new Graph();
    const xattr = graph.addTask("remove_xattrs");
    const recall = addTask(graph, "recall", { parents: [xattr.id] });
    expect(recall.id).not.toBe(xattr.id);
    expect(graph.canvas.nodes.map(({ parents }) => parents)).toEqual([[], ["remove_xattrs@0"]]);
  });
  it("NG-061 the plain form of a graph reads as the graph, and equal graphs have equal forms", () => {
    const build = () => {
      const graph = new Graph({ policy: "settled" });
      const a = graph.addTask("a", { site: "london", kwargs: { jobid: 1 } });
      const b = graph.addMap("b", [1, 2], { parents: [a] });
      graph.addTask(defineTask({ name: "c", run: () => 1 }), { parents: [a, b], id: "last" });
      return graph;
    };
    expect(build().toDict()).toEqual(build().toJSON());
    expect(parseCanvas(build().toDict())).toEqual(build().canvas);
  });
  it("NG-062 wrong parents are refused where the node is added", () => {
    const [graph, other] = [new Graph(), new Graph()];
    const a = graph.addTask("a");
    const foreign = other.addTask("a");
    const add = (parents?: readonly (string | { readonly id: string })[]) =>
      refusal(() => graph.addTask("b", parents === undefined ? {} : { parents }));
    expect(add()).toMatchObject({ code: "parents_missing", details: { field: "/graph/1/parents" } });
    expect(add([foreign])).toMatchObject({ code: "parent_foreign", message: expect.stringContaining(foreign.id) });
    expect(add([foreign.id])).toMatchObject({ code: "parent_foreign", details: { field: "/graph/1/parents/0" } });
    expect(add(["c"])).toMatchObject({ code: "parent_unknown" });
    expect(add([a, a.id])).toMatchObject({ code: "parent_duplicate" });
    graph.addTask("b", { parents: [a] });
    expect(graph.canvas.nodes).toHaveLength(2);
  });
  it("refuses parents that are no list or no nodes, and fields that no node has", () => {
    const graph = new Graph();
    const a = graph.addTask("a");
    const add = (node: object) => refusal(() => graph.addTask("b", node));
    const code = "invalid_canvas";
    expect(add({ parents: a })).toMatchObject({ code, details: { field: "/graph/1/parents" } });
    expect(add({ parents: [a, undefined] })).toMatchObject({ code, details: { field: "/graph/1/parents/1" } });
    expect(add({ parents: [a], arg: [1] })).toMatchObject({ code, details: { field: "/graph/1/arg" } });
    expect(graph.canvas.nodes).toHaveLength(1);
  });
  it("refuses an empty graph, wrong sites, ids that are taken, and options of other groups", () => {
    expect(refusal(() => new Graph().canvas)).toMatchObject({ code: "invalid_canvas" });
    expect(refusal(() => new Graph().addTask("a", { site: "a.b" }))).toMatchObject({
      details: { field: "/graph/0/site" },
    });
    const graph = new Graph();
    graph.addTask("a", { id: "a" });
    expect(refusal(() => graph.addTask("a", { id: "a", parents: [] }))).toMatchObject({ code: "invalid_canvas" });
    expect(refusal(() => new Graph({ tracking: "lazy" } as object))).toMatchObject({
      details: { field: "/options/tracking" },
    });
  });
});
