import { describe, expect, it } from "vitest";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { Graph, Release } from "./releases.ts";

describe("refresh: eager", () => {
  const EAGER = { refresh: "eager" } as const;
  const files = Array.from({ length: 250 }, (_, k) => `f${k}`);

  it("S045 makes all outdated ends of a task anew once a release with a higher version sweeps", async () => {
    const graph = new Graph(EAGER);
    const first = new Release(graph);
    await first.local.engine.sweep();
    await first.ask(group(files.map((file) => first.tasks.source.s(file))));
    const second = new Release(graph, { source: 2 }, first);
    await first.local.engine.sweep();
    await first.local.untilQuiet();
    expect(graph.calls).toHaveLength(250);
    await second.local.engine.sweep();
    await second.local.untilQuiet();
    expect(graph.calls.slice(250).every((call) => call.startsWith("source@2"))).toBe(true);
    expect(graph.calls).toHaveLength(500);
    // Further sweeps, also of the older release, begin nothing.
    for (const { local } of [first, second, first]) {
      await local.engine.sweep();
      await second.local.untilQuiet();
    }
    expect(graph.calls).toHaveLength(500);
  });
  it("takes what depends on them along as far as ends differ", async () => {
    const graph = new Graph(EAGER);
    const first = new Release(graph);
    await first.local.engine.sweep();
    await first.ask(first.tasks.report.s("a,b"));
    const second = new Release(graph, { index: 2 }, first);
    await second.local.engine.sweep();
    await second.local.untilQuiet();
    expect(graph.calls.slice(9).filter((call) => call.startsWith("index"))).toEqual(["index@2 a", "index@2 b"]);
    expect(graph.calls.slice(9).filter((call) => /source|text/.test(call))).toEqual([]);
    expect((await second.ask(second.tasks.report.s("a,b"))).value).toContain("index2");
  });
  it("goes on after its message was lost", async () => {
    const graph = new Graph(EAGER);
    const first = new Release(graph);
    await first.local.engine.sweep();
    await first.ask(first.tasks.source.s("a"));
    const second = new Release(graph, { source: 2 }, first);
    await second.local.engine.sweep();
    const lost = await second.local.queue.receive(["engine"], 10, 30);
    await second.local.queue.ack(lost.map(({ id }) => id));
    await second.local.untilQuiet();
    expect(graph.calls).toEqual(["source@1 a"]);
    second.local.clock.set(second.local.clock.now() + 6 * 60_000);
    await second.local.engine.sweep();
    await second.local.untilQuiet();
    expect(graph.calls).toEqual(["source@1 a", "source@2 a"]);
  });
  it("is refused as a word that is neither", () => {
    const wrong = () => defineTask({ name: "x", refresh: "soon" as never, run: () => null });
    expect(wrong).toThrow(expect.objectContaining({ code: "invalid_request", details: { field: "/refresh" } }));
    for (const version of [-1, 1.5, "1"])
      expect(() => defineTask({ name: "x", version: version as never, run: () => null })).toThrow(
        expect.objectContaining({ details: { field: "/version" } }),
      );
    expect(defineTask({ name: "x", run: () => null }).info.version).toBe(0);
  });
});
