import { describe, expect, it } from "vitest";
import type { BlobRef } from "../../functions/core/blob-ref.ts";
import { defineTask, group } from "../../functions/sdk/index.ts";
import { startApi } from "./api.ts";

const source = defineTask({
  name: "source",
  dedupe: "forever",
  listed: true,
  run: (_ctx, file: string) => `text ${file}`,
});
const read = defineTask({ name: "read", dedupe: "forever", listed: true, run: (_ctx, blob: BlobRef) => blob.bytes });
const index = defineTask({
  name: "index",
  dedupe: "forever",
  listed: true,
  run: async (ctx, file: string) => {
    if (file === "bad") throw new Error("no");
    return ctx.requireDependency("source", source.s(file));
  },
});
const unlisted = defineTask({ name: "unlisted", dedupe: "forever", run: () => null });

describe("GET /identities", () => {
  it("S022 lists the shared runs of a task by status, page by page, and those that were given a blob", async () => {
    const api = startApi({ tasks: [source, index, read, unlisted] });
    const files = Array.from({ length: 9 }, (_, k) => `f${k}`);
    const blob = await api.client.blobs.put("hello");
    const canvas = group([...files.map((file) => index.s(file)), index.s("bad"), read.s(blob), unlisted.s()]);
    await api.client.submitWire(canvas.toJSON());
    await api.local.untilQuiet();
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await api.client.identities({ task: "index", limit: 2, ...(cursor !== undefined && { cursor }) });
      sizes.push(page.items.length);
      seen.push(...page.items.map(({ args }) => args[0] as string));
      cursor = page.cursor;
    }
    expect(seen.toSorted()).toEqual(["bad", ...files]);
    expect(sizes.filter((size) => size !== 2)).toEqual([]);
    expect((await api.client.identities({ task: "index" })).items).toHaveLength(10);
    const broken = await api.client.identities({ task: "index", status: "error", limit: 100 });
    const rest = broken.cursor === undefined ? [] : [broken.cursor];
    const all = [...broken.items];
    for (const cursor of rest) {
      for (let at: string | undefined = cursor; at !== undefined;) {
        const page = await api.client.identities({ task: "index", status: "error", cursor: at });
        all.push(...page.items);
        at = page.cursor;
      }
    }
    expect(all).toMatchObject([{ task: "index", args: ["bad"], status: "error", version: 0, why: { of: "first" } }]);
    const given = await api.client.identities({ blob: blob.$blob });
    expect(given.items).toMatchObject([{ task: "read", args: [{ $blob: blob.$blob }], status: "success" }]);
    expect((await api.client.identities({ blob: blob.$blob, task: "index" })).items).toEqual([]);
  });
  it("refuses a task whose runs are not listed, and an unknown one, by a code", async () => {
    const { client } = startApi({ tasks: [unlisted] });
    await expect(client.identities({ task: "unlisted" })).rejects.toMatchObject({ code: "not_listed" });
    await expect(client.identities({ task: "nobody" })).rejects.toMatchObject({ code: "unknown_task" });
    await expect(client.identities({})).rejects.toMatchObject({ code: "invalid_request", details: { field: "/task" } });
  });
  it.each([
    "/identities?blob=x",
    "/identities?task=a&limit=101",
    "/identities?task=source&cursor=9",
    "/identities?tsk=a",
  ])("GET %s is refused", async (path) => {
    const response = await startApi({ tasks: [source] }).ask("GET", path);
    expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request" }]);
  });
});

describe("POST /identities and POST /identities/forget", () => {
  it("S001 S011 S075 begin a shared run once, again when told to, and forget it", async () => {
    const { client, local } = startApi({ tasks: [source] });
    const first = await client.scheduleRun(source.s("a"));
    expect(first).toMatchObject({ status: "queued", begun: true });
    await local.untilQuiet();
    const { runId } = first;
    expect(await client.scheduleRun(source.s("a"))).toEqual({ runId, status: "success", begun: false });
    expect(await client.scheduleRun(source.s("a"), { retry: true })).toEqual({ runId, status: "queued", begun: true });
    await local.untilQuiet();
    expect(await client.forgetRun(source.s("a"))).toEqual({ runId, status: "success" });
    await expect(client.forgetRun(source.s("a"))).rejects.toMatchObject({ code: "run_not_found" });
    expect((await client.identities({ task: "source" })).items).toEqual([]);
  });
  it.each([
    ["/identities", { canvas: { task: "source", args: ["a"] }, again: true }, "invalid_request", "/again"],
    ["/identities", { canvas: { chain: [] } }, "invalid_canvas", undefined],
    [
      "/identities",
      { canvas: { task: "source", options: { countdown: 1 } } },
      "invalid_canvas",
      "/canvas/options/countdown",
    ],
    ["/identities/forget", { canvas: { group: [{ task: "source" }] } }, "invalid_canvas", "/canvas"],
    ["/identities/forget", {}, "invalid_request", "/canvas"],
  ])("POST %s with %j is refused", async (path, json, code, field) => {
    const response = await startApi({ tasks: [source] }).ask("POST", path, { json });
    const problem = (await response.json()) as { readonly code: string; readonly field?: string };
    expect(problem).toMatchObject({ code, ...(field && { field }) });
    expect(response.status).toBe(400);
  });
});

describe("GET /runs/{id} says why", () => {
  it("a run of a job takes an end, the shared run behind it has dependencies both ways", async () => {
    const api = startApi({ tasks: [source, index] });
    const ask = async () => {
      const { jobId } = await api.client.submitWire(index.s("a").toJSON());
      await api.local.untilQuiet();
      const [item] = (await api.client.runs(jobId)).items;
      return api.client.run(item?.runId ?? "");
    };
    const first = await ask();
    const shared = first.adopts?.runId ?? "";
    expect(first.why).toEqual({ of: "shared", runId: shared, round: 0 });
    expect((await ask()).why).toEqual({ of: "reused", runId: shared, round: 0 });
    const run = await api.client.run(shared);
    expect(run).toMatchObject({ why: { of: "first" }, version: 0, dependencies: [{ name: "source", task: "source" }] });
    const below = await api.client.run(run.dependencies?.[0]?.runId ?? "");
    expect(below).toMatchObject({ why: { of: "first" }, dependents: [shared] });
  });
});
