import { describe, expect, it } from "vitest";
import { graphToDot } from "../../functions/api/graph-dot.ts";
import type { Json } from "../../functions/core/json.ts";
import { jobResult, parentsOf, ResultError } from "../../functions/client/index.ts";
import { add, Bench, chord, fail, identity, tsum } from "./bench.ts";

/** Rules about results and revoking that are prose in canvas-cases.json. */
const later = { task: "add", args: [3, 3], options: { countdown: 600 } };

describe("results", () => {
  it("grf-001 the graph in DOT has each node once, labelled, and a line per edge", async () => {
    const bench = new Bench();
    const { jobId } = await bench.run(chord([add(1, 1), { chain: [add(2, 2), add(1)] }], tsum));
    const graph = await bench.local.engine.graph(jobId);
    const lines = graphToDot(graph).split("\n");
    expect(lines[0]).toBe("digraph job {");
    const nodes = lines.filter((line) => line.includes("label="));
    expect(new Set(nodes.map((line) => line.trim().split(" ")[0]))).toEqual(
      new Set(graph.nodes.map(({ id }) => `"${id}"`)),
    );
    expect(nodes).toHaveLength(graph.nodes.length);
    expect(nodes.find((line) => line.includes(`"${jobId}.0~1"`))).toContain("tsum");
    expect(lines.filter((line) => line.includes(" -> "))).toHaveLength(graph.edges.length);
    for (const { from, to } of graph.edges) expect(graphToDot(graph)).toContain(`"${from}" -> "${to}"`);
  });
  it("grf-002 collect refuses an unfinished graph, unless the intermediate one is asked for", async () => {
    const bench = new Bench();
    const linked = { task: "add", args: [2, 2], link: [{ task: "mul", args: [16], options: { countdown: 600 } }] };
    const jobId = await bench.submit(linked);
    await bench.turns(4);
    const halfWay = await bench.result(jobId);
    expect(() => [...halfWay.collect()]).toThrow(expect.objectContaining({ code: "job_unfinished" }));
    expect([...halfWay.collect({ intermediate: true })].map(([, value]) => value)).toEqual([4, undefined]);
    await bench.ended(jobId);
    expect([...(await bench.result(jobId)).collect()].map(([, value]) => value)).toEqual([4, 64]);
  });
  it("grf-003 completed counts successes, ready counts every end, failed is not revoked", async () => {
    const bench = new Bench();
    const jobId = await bench.submit({ group: [add(1, 1), later, add(2, 2)] });
    await bench.turns(6);
    expect(await bench.result(jobId)).toMatchObject({ ready: false, waiting: true, completedCount: 2 });
    const unfinished = await bench.result(jobId);
    expect(() => unfinished.get()).toThrow(expect.objectContaining({ code: "job_unfinished" }));
    await bench.local.engine.revoke(`${jobId}.0.g.1`);
    await bench.ended(jobId);
    expect(await bench.result(jobId)).toMatchObject({
      ready: true,
      successful: false,
      failed: false,
      waiting: false,
      completedCount: 2,
    });
    const { result } = await bench.run({ group: [add(1, 1), fail] });
    expect(result).toMatchObject({ ready: true, successful: false, failed: true, waiting: false, completedCount: 1 });
  });
  it("grf-004 join can put errors into their places", async () => {
    const { result } = await new Bench().run({ group: [add(1, 1), fail, add(2, 2)] });
    expect(() => result.join()).toThrow(expect.objectContaining({ name: "TaskError" }));
    const [first, second, third] = result.join({ propagate: false });
    expect([first, third]).toEqual([2, 4]);
    expect(second).toBeInstanceOf(ResultError);
    expect(second).toMatchObject({
      name: "TaskError",
      message: "task expected to fail",
      runId: result.members?.[1]?.id,
    });
  });
  it("grf-005 an id is all there is to keep: it brings back the result, its members and its parents", async () => {
    const bench = new Bench();
    const { jobId, result } = await bench.run({ chain: [add(1, 1), { group: [add(1), add(2)] }, tsum] });
    const restored = await jobResult(bench.local.over(bench.local), JSON.parse(JSON.stringify(jobId)) as string);
    expect(restored.get()).toBe(7);
    expect(restored.id).toBe(result.id);
    expect(parentsOf(restored).map((parent) => parent.get())).toEqual([[3, 4], 2]);
    expect(restored.parent?.members?.map(({ id }) => id)).toEqual(result.parent?.members?.map(({ id }) => id));
    await expect(jobResult(bench.local.engine, "never")).rejects.toMatchObject({ code: "job_not_found" });
  });
  it("names the run that failed first in time, with its trace", async () => {
    const bench = new Bench();
    const { jobId, job } = await bench.run({
      group: [{ chain: [{ ...later }, fail] }, { chain: [add(1, 1), fail] }, add(1, 1)],
    });
    expect(job.error).toMatchObject({ name: "TaskError", message: "task expected to fail", runId: `${jobId}.0.g.1~1` });
    expect((await bench.local.engine.run(job.error?.runId ?? ""))?.detail?.stack).toContain("tasks.ts");
  });
});

describe("revoking", () => {
  it("rvk-001 runs are revoked by the values of a stamp: any run that carries one of them", async () => {
    const bench = new Bench();
    const stamped = (team: Json) => ({ ...later, options: { countdown: 600, team, stamped_headers: ["team"] } });
    const jobId = await bench.submit({
      group: [stamped("a"), stamped("b"), stamped(["c", "a"]), later],
      options: { tracking: "full", policy: "settled" },
    });
    await bench.turns(6);
    const stamps = { team: ["a", "z"], owner: ["me"] };
    const { items } = await bench.local.engine.runs(jobId, { stamps });
    expect(items.map(({ index }) => index)).toEqual([0, 2]);
    expect(await bench.local.engine.revokeStamped(jobId, stamps)).toBe(true);
    await bench.ended(jobId);
    expect(
      (await bench.result(jobId))
        .join({ propagate: false })
        .map((each) => (each instanceof ResultError ? each.name : each)),
    ).toEqual(["TaskRevokedError", 6, "TaskRevokedError", 6]);
    expect(await bench.executed(jobId)).toEqual({ add: 2 });
  });
  it("rvk-002 a cancelled job starts no step more; what waits is revoked", async () => {
    const bench = new Bench();
    const jobId = await bench.submit({
      chain: [{ group: [{ chain: [later, add(1)] }, { chain: [add(1, 1), later, add(1)] }] }, tsum, identity],
    });
    await bench.turns(6);
    const begun = await bench.executed(jobId);
    expect(await bench.local.engine.cancel(jobId)).toBe(true);
    const job = await bench.ended(jobId);
    expect(job.state).toBe("cancelled");
    expect(await bench.executed(jobId)).toEqual(begun);
    const result = await bench.result(jobId);
    expect(result).toMatchObject({ ready: true, successful: false });
    expect(() => result.get()).toThrow(expect.objectContaining({ name: "TaskRevokedError" }));
    expect(await bench.local.engine.cancel(jobId)).toBe(false);
  });
});
