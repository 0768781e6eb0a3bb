import { beforeEach, describe, expect, it } from "vitest";
import { DIAMOND, ended, failing, graphOf, happened, resultsOf, started } from "./graph-engine.ts";

beforeEach(() => failing.clear());
const begun = (): string[] => happened.filter((each) => each.startsWith("+")).map((each) => each.slice(1));

describe("order and input", () => {
  it("NG-059 a node starts only after the node that it follows has completed", async () => {
    const { job } = await ended(graphOf({ a: "", b: "a", c: "b" }));
    expect(job).toMatchObject({ state: "success", counts: { success: 3 }, countsExact: true });
    expect(happened).toEqual(["+a", "-a", "+b", "-b", "+c", "-c"]);
  });
  it("a diamond: a fork starts both ways, and the join waits for both and is given their values in order", async () => {
    const { job, local, jobId } = await ended(graphOf(DIAMOND));
    expect(job).toMatchObject({ state: "success", counts: { success: 4 }, countsExact: true });
    expect(await resultsOf(local, jobId)).toEqual(["d(b(a),c(a))"]);
    expect(happened.indexOf("+d")).toBeGreaterThan(Math.max(happened.indexOf("-b"), happened.indexOf("-c")));
  });
  it("values come in the order of `parents`, not of the ends, and also of those that are given later", async () => {
    const { local, jobId } = await ended(graphOf({ d: "c b", c: "a", b: "a", a: "" }));
    expect(await resultsOf(local, jobId)).toEqual(["d(c(a),b(a))"]);
  });
  it("the result is the list of the results of the nodes that none follows", async () => {
    const { local, jobId } = await ended(graphOf({ a: "", c: "a", b: "a", e: "b", f: "" }));
    expect(await resultsOf(local, jobId)).toEqual(["c(a)", "e(b(a))", "f"]);
  });
  it("in a chain, the first nodes are given the value before, and the next step the list of results", async () => {
    const wire = { chain: [{ task: "node", args: ["z"] }, graphOf(DIAMOND), { task: "node", args: ["y"] }] };
    expect((await ended(wire)).job).toMatchObject({ value: "y(d(b(a(z)),c(a(z))))" });
  });
  it("a node may be any canvas, and one that follows a single node gives its members the value", async () => {
    const group = {
      group: [
        { task: "node", args: ["x"] },
        { task: "node", args: ["y"] },
      ],
    };
    const wire = {
      graph: [
        { id: "a", do: { task: "node", args: ["a"] } },
        { id: "g", do: group, parents: ["a"] },
        { id: "b", do: { task: "node", args: ["b"] }, parents: ["a"] },
        { id: "d", do: { task: "node", args: ["d"] }, parents: ["b", "g"] },
      ],
    };
    const { local, jobId } = await ended(wire);
    expect(await resultsOf(local, jobId)).toEqual(["d(b(a),[x(a),y(a)])"]);
  });
  it("a `map` node calls its task for each item", async () => {
    const wire = {
      graph: [
        { id: "a", do: { task: "node", args: ["a"] } },
        { id: "m", do: { map: { task: "node", it: ["x", "y"] } }, parents: ["a"] },
      ],
    };
    const { local, jobId } = await ended(wire);
    expect(await resultsOf(local, jobId)).toEqual([["x", "y"]]);
  });
  it("a graph that is wider than a leaf of its ledger, and larger than a plan page, runs in order", async () => {
    const wide = Object.fromEntries(Array.from({ length: 20 }, (_, k) => [`n${k}`, "a"]));
    const { job, local, jobId } = await ended(graphOf({ a: "", ...wide, z: Object.keys(wide).join(" ") }), {
      width: 3,
      expandRange: 4,
    });
    expect(job).toMatchObject({ state: "success", counts: { success: 22 } });
    expect(await resultsOf(local, jobId)).toEqual([
      `z(${Object.keys(wide)
        .map((name) => `${name}(a)`)
        .join()})`,
    ]);
  });
  it("a node with a countdown starts that long after the nodes that it follows", async () => {
    const wire = graphOf(DIAMOND);
    const later = { ...wire.graph[1]?.do, options: { countdown: 100 } };
    const { local } = await started({
      graph: wire.graph.map((each) => (each.id === "b" ? { ...each, do: later } : each)),
    });
    const before = local.clock.now();
    await local.untilQuiet();
    expect(local.clock.now() - before).toBeGreaterThanOrEqual(100_000);
    expect(happened.at(-1)).toBe("-d");
  });
});

describe("failures", () => {
  it("a failed node cancels everything below it, and nothing else", async () => {
    failing.add("b");
    const { job, local, jobId } = await ended(
      graphOf({ ...DIAMOND, e: "d", f: "c" }, { options: { policy: "settled" } }),
    );
    expect(job).toMatchObject({ state: "failure", counts: { success: 3, error: 1, cancelled: 1 }, countsExact: true });
    expect(begun()).not.toContain("d");
    expect(await resultsOf(local, jobId)).toEqual(["upstream", "f(c(a))"]);
  });
  it("the policy of a graph is `allSuccess` by default: it fails once all its nodes have ended", async () => {
    failing.add("b");
    const { job } = await ended({ chain: [graphOf({ ...DIAMOND, f: "c" }), { task: "node", args: ["y"] }] });
    expect(job).toMatchObject({ state: "failure", error: { message: "b has failed" } });
    expect(begun().toSorted()).toEqual(["a", "b", "c", "f"]);
  });
  it("a graph calls its own links and error links", async () => {
    const link = { link: [{ task: "node", args: ["good"] }], link_error: [{ task: "node", args: ["bad"] }] };
    await ended(graphOf({ a: "" }, link));
    expect(begun()).toEqual(["a", "good"]);
    failing.add("a");
    await ended(graphOf({ a: "" }, link));
    expect(begun()).toEqual(["a", "bad"]);
  });
});
describe("control", () => {
  it("a cancelled job starts no further node", async () => {
    const { local, jobId } = await started(graphOf(DIAMOND));
    while (!happened.includes("+a")) await local.turn();
    await local.engine.cancel(jobId);
    local.clock.set(local.clock.now() + 10_000);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "cancelled" });
    expect(begun()).toEqual(["a"]);
  });
  it("a node that waits can be revoked, and takes what is below it with it", async () => {
    const { local, jobId } = await started(graphOf(DIAMOND));
    await local.turn();
    const waiting = (await local.engine.runs(jobId, { status: "deferred" })).items;
    expect(waiting.map(({ unmet }) => unmet?.map(({ of }) => of))).toContainEqual(["node", "node"]);
    await local.engine.revoke(waiting.find(({ unmet }) => unmet?.length === 1)?.runId as string);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 2, cancelled: 2 } });
  });
  it("a retry runs what failed and what is below it, and nothing else", async () => {
    failing.add("b");
    const { local, jobId } = await ended(graphOf({ ...DIAMOND, e: "d", f: "c" }));
    failing.clear();
    happened.length = 0;
    await local.engine.retry(jobId, {});
    await local.untilQuiet();
    expect(begun()).toEqual(["b", "d", "e"]);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      counts: { success: 6 },
      countsExact: true,
    });
    expect(await resultsOf(local, jobId)).toEqual(["e(d(b(a),c(a)))", "f(c(a))"]);
  });
  const below = {
    graph: [
      { id: "p", do: { task: "parent", args: ["p"] } },
      { id: "b", do: { task: "node", args: ["b"] }, parents: ["p"] },
      { id: "c", do: { task: "node", args: ["c"] }, parents: ["p"] },
      { id: "e", do: { task: "node", args: ["e"] }, parents: [] },
    ],
  };
  it("a node that ended well runs again when one above it does, because failures lay below that one", async () => {
    failing.add("p-child");
    const { local, jobId, job } = await ended(below);
    expect(job).toMatchObject({ state: "failure", counts: { success: 4, error: 1 } });
    failing.clear();
    happened.length = 0;
    await local.engine.retry(jobId, {});
    await local.untilQuiet();
    expect(begun()[0]).toBe("p-child");
    expect(begun().slice(1).toSorted()).toEqual(["b", "c"]);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      counts: { success: 5 },
      countsExact: true,
    });
  });
  it("with `keepDownstream` such a node stays as it is", async () => {
    failing.add("p-child");
    const { local, jobId } = await ended(below);
    failing.clear();
    happened.length = 0;
    await local.engine.retry(jobId, { keepDownstream: true });
    await local.untilQuiet();
    expect(begun()).toEqual(["p-child"]);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      counts: { success: 5 },
      countsExact: true,
    });
  });
  it("with `keepDownstream` a node that failed waits for those above that run again", async () => {
    failing.add("p-child").add("b");
    const { local, jobId } = await ended(below);
    failing.clear();
    happened.length = 0;
    await local.engine.retry(jobId, { keepDownstream: true });
    await local.untilQuiet();
    expect(begun()).toEqual(["p-child", "b"]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 5 } });
  });
  it("with `keepDownstream` a node that was revoked in its wait still waits for those above that run again", async () => {
    failing.add("b");
    const { local, jobId } = await started(graphOf(DIAMOND));
    await local.turn();
    await local.engine.revoke(`${jobId}.0.g.3`);
    await local.untilQuiet();
    failing.clear();
    happened.length = 0;
    await local.engine.retry(jobId, { keepDownstream: true });
    await local.untilQuiet();
    expect(happened).toEqual(["+b", "-b", "+d", "-d"]);
    expect(await resultsOf(local, jobId)).toEqual(["d(b(a),c(a))"]);
  });
});

describe("views", () => {
  it("NG-054 the graph of a job shows nodes and edges, and what waits says for whom", async () => {
    const { local, jobId } = await started(graphOf({ ...DIAMOND, e: "d" }));
    await local.turn();
    const { nodes, edges } = await local.engine.graph(jobId);
    const gid = `${jobId}.0.g`;
    expect(nodes.find(({ id }) => id === gid)).toMatchObject({ label: "graph of 4" });
    expect(nodes.find(({ id }) => id === `${gid}.3`)).toMatchObject({
      status: "deferred",
      label: `node waits for ${gid}.1, ${gid}.2`,
    });
    const inside = edges.filter(({ from, to }) => from.startsWith(`${gid}.`) && to.startsWith(`${gid}.`));
    expect(inside.map(({ from, to }) => `${from.slice(gid.length)} ${to.slice(gid.length)}`).toSorted()).toEqual([
      ".0 .1",
      ".0 .2",
      ".1 .3",
      ".2 .3",
      ".3 .3~1",
    ]);
    expect(edges.filter(({ kind }) => kind === "member")).toHaveLength(1);
    expect(edges.filter(({ kind }) => kind === "joins")).toEqual([{ from: `${gid}.3~1`, to: gid, kind: "joins" }]);
    await local.untilQuiet();
    expect(await local.engine.run(`${gid}.1`)).toMatchObject({ inputOf: `${gid}.0`, followed: true });
    expect(await local.engine.run(`${gid}.3~1`)).not.toHaveProperty("followed");
  });
});
