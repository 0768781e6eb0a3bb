import { beforeAll, describe, expect, it } from "vitest";
import { connect, ended, type Api } from "../deployment.ts";
import { twoSiteDiamond } from "../tasks/visits.ts";

describe("graphs in a deployment of two sites", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });
  const results = async (jobId: string): Promise<unknown[]> => {
    const values: unknown[] = [];
    for await (const { value } of api.client.results(jobId)) values.push(value);
    return values;
  };
  const joined = { site: "paris", paths: ["/a/london/paris", "/a/london/london"] };

  it("NG-059 NG-060 a diamond runs in order at two sites, and the join is handed the items in order", async () => {
    const { jobId } = await api.client.submitWire(twoSiteDiamond([[{ path: "/a" }]]).toDict());
    expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: 4 }, countsExact: true });
    expect(await results(jobId)).toEqual([joined]);
    const { nodes, edges } = await api.client.graph(jobId);
    expect(nodes.filter(({ kind }) => kind === "run")).toHaveLength(5);
    expect(edges.filter(({ kind }) => kind === "next")).toHaveLength(4);
  });
  it("NG-054 NG-056 a task submits the diamond as a sub-DAG, and the next step waits for it", async () => {
    const { jobId } = await api.client.submitWire({
      chain: [
        { task: "e2e.submits-diamond", args: [["/a"]] },
        { task: "e2e.one", immutable: true },
      ],
    });
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 1, counts: { success: 6 } });
    const { items } = await api.client.runs(jobId, {});
    const at = (task: string): number => items.find((run) => run.task === task)?.startedAt ?? 0;
    expect(items.find((run) => run.task === "e2e.visited")?.value).toEqual(joined);
    expect(at("e2e.one")).toBeGreaterThan(at("e2e.visited"));
  });
  it("NG-062 a graph with a cycle is refused with the names of its nodes", async () => {
    const node = (id: string, parents: string[]) => ({ id, do: { task: "e2e.one" }, parents });
    const response = await api.fetch("/jobs", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ canvas: { graph: [node("a", ["b"]), node("b", ["a"])] } }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "parent_cycle",
      field: "/canvas/graph/0/parents",
    });
  });
});
