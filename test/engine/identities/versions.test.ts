import { describe, expect, it } from "vitest";
import { group } from "../../../functions/sdk/index.ts";
import { Graph, Release } from "./releases.ts";

/** Two releases of one graph: the first has run the report of both files. */
async function begun(equal: readonly ("source" | "text" | "index" | "pages")[] = []) {
  const graph = new Graph();
  for (const level of equal) graph.equal.add(level);
  const first = new Release(graph);
  const { value, calls } = await first.ask(first.tasks.report.s("a,b"));
  expect(calls).toHaveLength(9);
  return { graph, first, value };
}

describe("a version that is raised in the middle of five levels", () => {
  it("S041 S045 S046 S048 S050 runs the outdated part again, and only it, when somebody asks", async () => {
    const { graph, first } = await begun();
    const second = new Release(graph, { index: 2 }, first);
    await second.local.untilQuiet();
    expect(graph.calls).toHaveLength(9);
    const { value, calls } = await second.ask(second.tasks.report.s("a,b"));
    expect(calls).toEqual(["index@2 a", "index@2 b", "pages@1 a", "pages@1 b", "report@1 a,b"]);
    expect(value).toContain("pages1(index2(text1(source1(A))))");
    const last = await second.ask(second.tasks.report.s("a,b"));
    expect(last.calls).toEqual([]);
    // Each has the version of its own task, and not that of the one which has let it run again.
    const report = await second.shared(last.jobId);
    expect(report).toMatchObject({ version: 1, round: 1, why: { of: "version", task: "index", from: 1, to: 2 } });
    const pages = await second.local.engine.run(report?.dependencies?.[0]?.runId ?? "");
    const index = await second.local.engine.run(pages?.dependencies?.[0]?.runId ?? "");
    expect([pages?.version, index?.version, index?.why]).toEqual([
      1,
      2,
      { of: "version", task: "index", from: 1, to: 2 },
    ]);
  });
  it("stops where results come out equal", async () => {
    const { graph, first, value } = await begun(["index"]);
    const second = new Release(graph, { index: 2 }, first);
    const asked = await second.ask(second.tasks.report.s("a,b"));
    expect(asked).toMatchObject({ value, calls: ["index@2 a", "index@2 b"] });
    expect((await second.ask(second.tasks.report.s("a,b"))).calls).toEqual([]);
  });
  it("runs what is asked for alone, and the rest when that is asked for", async () => {
    const { graph, first } = await begun();
    const second = new Release(graph, { index: 2 }, first);
    const { calls } = await second.ask(second.tasks.text.s("a"));
    expect(calls).toEqual([]);
    // The report has consumed pages a, whose end is another one now. That of pages b is still outdated.
    expect((await second.ask(second.tasks.pages.s("a"))).calls).toEqual([
      "index@2 a",
      "index@2 b",
      "pages@1 a",
      "pages@1 b",
      "report@1 a,b",
    ]);
  });
});

describe("releases beside each other", () => {
  it("a roll-back runs nothing: an end of a higher version is as good as one of its own", async () => {
    const { graph, first, value } = await begun();
    const second = new Release(graph, { index: 2, source: 3 }, first);
    const changed = await second.ask(second.tasks.report.s("a,b"));
    expect(changed.value).not.toEqual(value);
    const third = new Release(graph, {}, first);
    expect(await third.ask(third.tasks.report.s("a,b"))).toMatchObject({ value: changed.value, calls: [] });
  });
  it("members of one group are fresh and outdated side by side", async () => {
    const graph = new Graph();
    const first = new Release(graph);
    await first.ask(group([first.tasks.text.s("a"), first.tasks.text.s("b")]));
    const second = new Release(graph, { text: 2 }, first);
    await second.ask(second.tasks.text.s("b"));
    const { calls, jobId } = await second.ask(
      group([second.tasks.source.s("a"), second.tasks.text.s("a"), second.tasks.text.s("b")]),
    );
    expect(calls).toEqual(["text@2 a"]);
    const { items } = await second.local.engine.runs(jobId, {});
    expect(items.slice(1).map(({ value, adopts }) => [value, adopts?.reused])).toEqual([
      ["source1(A)", true],
      ["text2(source1(A))", false],
      ["text2(source1(B))", true],
    ]);
  });
  it("older code leaves newer work to newer code", async () => {
    const graph = new Graph();
    const first = new Release(graph);
    const second = new Release(graph, { source: 2 }, first);
    const jobId = await second.submit(second.tasks.source.s("a"));
    await second.local.turn();
    for (let turns = 0; turns < 20; turns++) {
      await first.local.turn();
      first.local.clock.set(first.local.clock.now() + 10_000);
    }
    expect(graph.calls).toEqual([]);
    await second.local.untilQuiet();
    expect(graph.calls).toEqual(["source@2 a"]);
    expect(await second.value(jobId)).toBe("source2(A)");
  });
  it("a release that is taken back leaves nothing waiting: after the grace whoever asks begins it anew", async () => {
    const graph = new Graph();
    const first = new Release(graph);
    const second = new Release(graph, { source: 2 }, first);
    const jobId = await second.submit(second.tasks.source.s("a"));
    await second.local.turn();
    await first.local.untilQuiet(2 * 3_600);
    expect((await first.local.engine.job(jobId))?.error).toMatchObject({ reason: "newer_version" });
    expect(await first.ask(first.tasks.source.s("a"))).toMatchObject({ value: "source1(A)", calls: ["source@1 a"] });
  });
  it("an end that was being verified holds when the release is taken back", async () => {
    const { graph, first, value } = await begun();
    const second = new Release(graph, { source: 2 }, first);
    const jobId = await second.submit(second.tasks.text.s("a"));
    await second.local.turn();
    await first.local.untilQuiet(2 * 3_600);
    expect(await first.value(jobId)).toBe("text1(source1(A))");
    expect(await first.ask(first.tasks.report.s("a,b"))).toMatchObject({ value, calls: [] });
  });
  it("S049 an end that older code is making is taken by who waits for it, and made anew for the next", async () => {
    const graph = new Graph();
    const first = new Release(graph);
    const second = new Release(graph, { source: 2 }, first);
    let two = "";
    graph.during = async () => {
      graph.during = undefined;
      two = await second.submit(second.tasks.source.s("a"));
      await second.local.turn();
    };
    const one = await first.submit(first.tasks.source.s("a"));
    await first.local.untilQuiet();
    expect([await first.value(one), await first.value(two)]).toEqual(["source1(A)", "source1(A)"]);
    expect(await second.ask(second.tasks.source.s("a"))).toMatchObject({ value: "source2(A)", calls: ["source@2 a"] });
  });
  it("what older code makes of older ends is found out by newer code that waits for it", async () => {
    const { graph, first } = await begun();
    const second = new Release(graph, { source: 2 }, first);
    // A new file: its index is begun by newer code, and older code does all it can of the rest.
    graph.files["c"] = "C";
    const jobId = await second.submit(second.tasks.report.s("c"));
    for (let turns = 0; turns < 400; turns++) {
      if (turns % 7 === 0) await second.local.turn();
      else await first.local.turn();
      first.local.clock.set(first.local.clock.now() + 2_000);
    }
    await second.local.untilQuiet();
    expect(await second.value(jobId)).toBe("report1(pages1(index1(text1(source2(C)))))");
  });
});
