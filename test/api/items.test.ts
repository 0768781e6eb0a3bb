import { describe, expect, it } from "vitest";
import { definePathTask, FileActionStatus, type PathPayload } from "../../functions/paths/index.ts";
import { chain, defineTask } from "../../functions/sdk/index.ts";
import { startApi } from "./api.ts";

const sizes: number[] = [];
const copy = definePathTask({
  name: "copy",
  run: (ctx, { jobid, paths }) => {
    sizes.push(paths.length);
    const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
    for (const { path } of paths) status.add(path.endsWith("3") ? "failures" : "processed", path);
    return status.dump();
  },
});
const verify = definePathTask({
  name: "verify",
  run: (ctx, { jobid, paths }) => {
    const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
    for (const { path } of paths) status.add("processed", path);
    return status.dump();
  },
});
const totals = defineTask({
  name: "totals",
  run: (_ctx, payloads: readonly PathPayload[]) => payloads.map(({ paths }) => paths.length),
});
const items = (from: number, count: number) =>
  Array.from({ length: count }, (_, k) => ({ path: `/${from + k}`, size: k }));

describe("a job that was opened for items", () => {
  const start = async (request: object = {}) => {
    const api = startApi({ tasks: [copy, verify, totals] });
    const each = chain(copy.s(), verify.s()).canvas;
    const { jobId } = await api.client.openJob({ items: { each, chunkSize: 4, ...request }, body: totals.s().canvas });
    return { api, jobId };
  };
  it("NG-040 runs a canvas for chunks of its items, which come in pages and any number of times", async () => {
    sizes.length = 0;
    const { api, jobId } = await start();
    await api.client.putItems(jobId, 1, items(10, 5));
    await api.client.putItems(jobId, 0, items(0, 10));
    await api.client.putItems(jobId, 0, items(0, 10));
    await api.client.sealInput(jobId, 2);
    await api.local.untilQuiet();
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 2, 4, 4, 4]);
    expect(await api.client.job(jobId)).toMatchObject({
      state: "failure",
      items: { processed: 13, failures: 2 },
      value: [3, 4, 2, 3, 1],
    });
  });
  it("refuses another content of a page, what is no item by its place, and canvases", async () => {
    const { api, jobId } = await start();
    await api.client.putItems(jobId, 0, items(0, 3));
    await expect(api.client.putItems(jobId, 0, items(1, 3))).rejects.toMatchObject({ code: "page_conflict" });
    const wrong = api.client.putItems(jobId, 1, [{ path: "/a" }, { path: "" }]);
    await expect(wrong).rejects.toMatchObject({ code: "invalid_request", details: { field: "/1/path" } });
    const canvases = api.client.putInput(jobId, 1, [copy.s().canvas]);
    await expect(canvases).rejects.toMatchObject({ code: "invalid_request", details: { field: "/0/path" } });
    const direct = api.local.engine.putInputPage(jobId, 1, [copy.s().canvas]);
    await expect(direct).rejects.toMatchObject({ code: "invalid_request", details: { field: "{id}" } });
  });
  it("a job that was opened for canvases takes no items", async () => {
    const { api } = await start();
    const { jobId } = await api.client.openJob({});
    await expect(api.client.putItems(jobId, 0, items(0, 1))).rejects.toMatchObject({ code: "invalid_canvas" });
    await expect(api.local.engine.putItemPage(jobId, 0, items(0, 1))).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
  it.each([
    ["/each", { input: "items" }],
    ["/each", { input: "items", each: totals.s().toJSON() }],
    ["/each/kwargs/paths", { input: "items", each: copy.s({ paths: [] }).toJSON() }],
    ["/chunkSize", { input: "items", each: copy.s().toJSON(), chunkSize: 0 }],
    ["/each", { each: copy.s().toJSON() }],
  ])("refuses a start with a wrong %s", async (field, body) => {
    const { api } = await start();
    const response = await api.ask("POST", "/jobs?input", { json: body });
    expect([response.status, await response.json()]).toMatchObject([400, { field }]);
  });
});
