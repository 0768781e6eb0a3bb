import { beforeAll, describe, expect, it } from "vitest";
import { chain, chord, group } from "../../../functions/sdk/index.ts";
import { add, mul, sum } from "../../../functions/tasks/examples.ts";
import { connect, ended, type Api } from "../deployment.ts";
import { bonjour } from "../paris/index.ts";
import { act, failed, spawner, where } from "../tasks/index.ts";

describe("canvases over the API", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });
  const run = async (canvas: { readonly canvas: Parameters<Api["client"]["submit"]>[0] }) =>
    ended(api, (await api.client.submit(canvas.canvas)).jobId);

  it("one task gives its value", async () => {
    expect(await run(add.s(2, 3))).toMatchObject({
      state: "success",
      value: 5,
      counts: { success: 1 },
      countsExact: true,
    });
  });

  it("a chain hands results on", async () => {
    expect(await run(chain(add.s(2, 2), mul.s(10), add.s(2)))).toMatchObject({
      state: "success",
      value: 42,
      counts: { success: 3 },
    });
  });

  it("a chord over two leaves of the ledger sums all of its members", async () => {
    const { jobId } = await api.client.start("example.sum-of-sums", { n: 300 });
    expect(await ended(api, jobId)).toMatchObject({
      state: "success",
      value: 300 * 299,
      counts: { success: 301 },
      countsExact: true,
    });
  });

  it("chords nest", async () => {
    const { jobId } = await api.client.start("e2e.square", { n: 7 });
    expect(await ended(api, jobId)).toMatchObject({
      state: "success",
      value: 49,
      counts: { success: 49 + 7 + 1 },
      countsExact: true,
    });
  });

  it("a failing child keeps the body from running, and the others end", async () => {
    const job = await run(chord(group([add.s(1, 1), failed.s(), add.s(2, 2)]), sum.s()));
    expect(job).toMatchObject({ state: "failure", counts: { success: 2, error: 1 }, error: { reason: "e2e" } });
  });

  it("a failing child deep inside fails the job, and names the run", async () => {
    const inner = chord(group([add.s(1, 1), failed.s()]), sum.s());
    const job = await run(chord(group([inner, chord(group([add.s(1, 2), add.s(3, 4)]), sum.s())]), sum.s()));
    expect(job.state).toBe("failure");
    expect(job.counts).toMatchObject({ error: 1, success: 4 });
    expect((await api.client.run(job.error?.runId ?? "")).task).toBe("e2e.failed");
  });

  it("a settled group gives its results and its failures to the body", async () => {
    const { jobId } = await api.client.submit(
      group([add.s(1, 1), failed.s(), add.s(2, 2)], { policy: "settled" }).canvas,
    );
    const job = await ended(api, jobId);
    expect(job).toMatchObject({ state: "failure", counts: { success: 2, error: 1 } });
    const results: unknown[] = [];
    for await (const { index, status } of api.client.results(jobId)) results.push([index, status]);
    expect(results).toEqual([
      [0, "success"],
      [1, "error"],
      [2, "success"],
    ]);
  });

  it("a task is told the ids of the group that it spawns, and the API shows the group by them", async () => {
    const { state, value } = await run(spawner.s(20));
    expect(state).toBe("success");
    const { groupId, callbackId, lastId } = value as { groupId: string; callbackId: string; lastId: string };
    expect(await api.client.group(groupId)).toMatchObject({
      state: "complete",
      total: 20,
      remaining: 0,
      counts: { success: 20 },
      callbackRunId: callbackId,
    });
    expect((await api.client.run(lastId)).value).toBe(19);
    expect((await api.client.run(callbackId)).value).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await expect(api.client.group(`${groupId}.0.g`)).rejects.toMatchObject({ code: "group_not_found" });
  });

  it("work goes to the queue and the site that are asked for", async () => {
    const jobs = await Promise.all([
      run(where.s()),
      run(where.s().set({ queue: "london.heavy#custom" })),
      run(bonjour.s("Ada")),
    ]);
    expect(jobs.map((job) => job.value)).toEqual([
      { site: "london", queue: "london.default#worker" },
      { site: "london", queue: "london.heavy#custom" },
      "bonjour Ada, ici paris",
    ]);
  });

  it("path tasks hand their items over, and the job counts each once", async () => {
    const paths = [{ path: "/good", size: 3 }, { path: "/bad" }];
    expect(await run(chain(act.s({ paths }), act.s()))).toMatchObject({
      state: "failure",
      counts: { success: 2 },
      items: { processed: 1, skipped: 0, failures: 1, aborted: 0, inprogress: 0 },
      value: { paths: [{ path: "/good", size: 3 }] },
    });
  });
  it("a path task that cannot stream is refused when it is asked to", async () => {
    const wire = { task: "e2e.act", kwargs: { paths: [], stream_results: true } };
    await expect(api.client.submitWire(wire)).rejects.toMatchObject({ code: "cannot_stream" });
  });

  it("a value above the inline limit travels through the bucket", async () => {
    const text = "x".repeat(30_000);
    const { jobId } = await api.client.submitWire({
      chain: [{ task: "e2e.echo", args: [text] }, { task: "e2e.length" }],
    });
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 30_000 });
  });

  it("input in pages joins into one job", async () => {
    const { jobId } = await api.client.openJob({ body: sum.s().canvas });
    const items = Array.from({ length: 40 }, (_, i) => add.s(i, 1).canvas);
    await api.client.putInput(jobId, 1, items.slice(20));
    await api.client.putInput(jobId, 0, items.slice(0, 20));
    await api.client.sealInput(jobId, 2);
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: (40 * 39) / 2 + 40 });
  });
});
