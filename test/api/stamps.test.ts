import { describe, expect, it } from "vitest";
import { startApi } from "./api.ts";

const add = (stamps: object, more: object = {}) => ({
  task: "math.add",
  args: [1, 1],
  options: { countdown: 600, ...stamps, stamped_headers: Object.keys(stamps) },
  ...more,
});
function server() {
  const api = startApi();
  return { api, client: api.client };
}

describe("stamps over HTTP", () => {
  it("jobs are found by one stamp and runs by one of several, and only those are cancelled", async () => {
    const { api, client } = server();
    const { jobId } = await client.submitWire({
      group: [add({ team: "blue" }), add({ team: ["red", "1"] }), add({ n: 1 })],
      options: { policy: "settled" },
    });
    await client.submitWire(add({ team: "red" }));
    for (let pass = 0; pass < 6; pass++) await api.local.turn();
    expect((await client.jobs({ stamp: { name: "team", value: "blue" } })).items).toMatchObject([{ jobId }]);
    expect((await client.jobs({ stamp: { name: "team", value: "red" } })).items).toHaveLength(2);
    const indexes = async (stamps: Parameters<typeof client.cancel>[1] & object) =>
      (await client.runs(jobId, stamps)).items.map(({ index }) => index);
    expect(await indexes({ stamps: { team: ["blue"], n: [1] } })).toEqual([0, 2]);
    // A text that looks like a number stays one.
    expect(await indexes({ stamps: { team: ["1"] } })).toEqual([1]);
    expect(await indexes({ stamps: { team: [1] } })).toEqual([]);
    expect(await (await api.ask("POST", `/jobs/${jobId}/cancel?stamp=team:blue&stamp=n:1`)).json()).toEqual({
      jobId,
      cancelled: true,
    });
    await api.local.untilQuiet();
    expect(await client.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, cancelled: 2 } });
    expect(await client.cancel(jobId, { stamps: { team: ["red"] } })).toBe(false);
  });
  it("a malformed stamp is refused, and an empty filter never cancels a job", async () => {
    const { api, client } = server();
    const { jobId } = await client.submitWire(add({ team: "blue" }));
    for (const path of [
      `/jobs/${jobId}/cancel?stamp=team`,
      `/jobs/${jobId}/cancel?stamp=`,
      `/jobs/${jobId}/cancel?stamp=:blue`,
    ]) {
      expect(await (await api.ask("POST", path)).json()).toMatchObject({
        code: "invalid_request",
        field: "?stamp",
        detail: expect.stringContaining("name:value") as string,
      });
    }
    expect(await (await api.ask("GET", "/jobs?stamp=a:1&stamp=b:2")).json()).toMatchObject({
      code: "invalid_request",
      field: "?stamp",
    });
    await expect(client.cancel(jobId, { stamps: {} })).rejects.toMatchObject({ code: "invalid_request" });
    expect((await client.job(jobId)).state).toBe("started");
  });
});

describe("cancelling by id", () => {
  it("cancelling by id ends runs, members without a row, and groups, but not the callbacks of a run", async () => {
    const { api, client } = server();
    const { jobId } = await client.submitWire({
      group: [{ group: [add({}), add({})], options: { policy: "settled" } }, { task: "noop" }],
      options: { policy: "settled" },
    });
    await api.local.turn();
    expect(await client.cancelRun(`${jobId}.0.g.1`)).toBe(true);
    expect(await client.cancelRun(`${jobId}.0.g.0.g`)).toBe(true);
    await expect(client.cancelRun(`${jobId}.0.g.7`)).rejects.toMatchObject({ code: "run_not_found" });
    await expect(client.cancelRun(`${jobId}.0.l`)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(client.cancelRun(jobId)).rejects.toMatchObject({ code: "run_not_found" });
    await api.local.untilQuiet();
    expect((await client.runs(jobId, { status: "cancelled" })).items.map(({ runId }) => runId)).toEqual([
      `${jobId}.0.g.0`,
      `${jobId}.0.g.1`,
    ]);
  });
});

it("the graph shows the callbacks that were called and the events that are awaited", async () => {
  const { api, client } = server();
  const called = { task: "math.add", args: [1, 2], immutable: true };
  const { jobId } = await client.submitWire({
    chain: [
      { task: "math.add", args: [1, 1], link: [called], link_error: [called] },
      { approval: { name: "go-on" } },
      {
        task: "fail",
        kwargs: { retryable: false, message: "no luck" },
        link: [called],
        link_error: Array.from({ length: 25 }, (_, k) => ({ ...called, args: [1, k] })),
      },
    ],
  });
  await api.local.untilQuiet();
  const { wait } = await client.run(`${jobId}.0~1`);
  expect((await client.runs(jobId, { status: "waiting" })).items).toMatchObject([
    { runId: `${jobId}.0~1`, wait: { of: "approval", name: "go-on" } },
  ]);
  await client.complete(`${jobId}.0~1`, wait?.token ?? "", { value: 1 });
  await api.local.untilQuiet();
  const { nodes, edges } = await client.graph(jobId);
  expect(nodes.map(({ label }) => label)).toEqual(["math.add", "math.add", "approval go-on", "fail", "error links"]);
  expect(edges).toEqual([
    { from: `${jobId}.0`, to: `${jobId}.0.l.0`, kind: "link" },
    { from: `${jobId}.0`, to: `${jobId}.0~1`, kind: "next" },
    { from: `${jobId}.0~1`, to: `${jobId}.0~2`, kind: "next" },
    { from: `${jobId}.0~2`, to: `${jobId}.0~2.e.*`, kind: "linkError" },
  ]);
  expect(await client.graphDot(jobId)).toContain(
    `"${jobId}.0" -> "${jobId}.0.l.0" [style=bold, color=forestgreen, label="link"]`,
  );
  expect(await (await api.ask("GET", `/jobs/${jobId}/graph?format=mermaid`)).text()).toMatch(
    /n\d ==>\|link error\| n\d/,
  );
});
