import { beforeAll, describe, expect, it } from "vitest";
import { connect, ended, type Api } from "../deployment.ts";

describe("path tasks in a deployment", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });
  const items = (count: number) => Array.from({ length: count }, (_, k) => ({ path: `/in/${k}` }));
  const counted = (processed: number) => ({ processed, skipped: 0, failures: 0, aborted: 0, inprogress: 0 });

  it("NG-035 NG-037 items stream in as pages, and their states stream out as reports", async () => {
    const each = { task: "e2e.streamed", kwargs: { stream_results: true } };
    const response = await api.fetch("/jobs?input", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ input: "items", each, chunkSize: 100 }),
    });
    const { jobId } = (await response.json()) as { jobId: string };
    for (const page of [1, 0]) await api.client.putItems(jobId, page, items(250));
    await api.client.sealInput(jobId, 2);
    expect(await ended(api, jobId)).toMatchObject({ state: "success", items: counted(500), countsExact: true });
    const reported: string[] = [];
    for await (const { item } of api.client.reports(jobId)) reported.push(item.path as string);
    expect(reported.toSorted()).toEqual([...items(250), ...items(250)].map(({ path }) => path).toSorted());
  });
  it("NG-045 NG-047 children that a task adds while it runs are part of its job", async () => {
    const { jobId } = await api.client.submitWire({ task: "e2e.discovered", kwargs: { count: 130, key: "act" } });
    expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: 5 }, items: counted(130) });
  });
  it("NG-045 a key without a template starts the next step for each chunk", async () => {
    const first = { task: "e2e.discovered", kwargs: { count: 90, key: "next" } };
    const { jobId } = await api.client.submitWire({ chain: [first, { task: "e2e.act" }] });
    expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: 4 }, items: counted(90) });
    const alone = await api.client.submitWire(first);
    expect(await ended(api, alone.jobId)).toMatchObject({ state: "failure", error: { reason: "no_next_step" } });
  });
});
