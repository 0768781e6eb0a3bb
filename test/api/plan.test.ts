import * as z from "zod";
import { describe, expect, it } from "vitest";
import { job as jobSchema, jobEstimate } from "../../functions/api/schemas.ts";
import type { JobPlan } from "../../functions/client/index.ts";
import { chord, group } from "../../functions/sdk/index.ts";
import { add, fail, noop, sum } from "../../functions/tasks/examples.ts";
import { startApi, traces, type Api } from "./api.ts";

const CHORD = chord(group([1, 2, 3].map((i) => add.s(i, i))), sum.s());

/** Returns the answer, checked against its schema. */
async function plan(api: Api, path: string, json: unknown): Promise<JobPlan> {
  const response = await api.ask("POST", path, { json });
  expect(response.status).toBe(200);
  return z.parse(jobEstimate, await response.json());
}

describe("a plan", () => {
  it("a plan estimates a canvas, and starts and stores nothing", async () => {
    const api = startApi();
    const before = await traces(api);
    const canvas = CHORD.toJSON();
    expect(await plan(api, "/jobs?plan", { canvas })).toMatchObject({
      taskRuns: 4,
      members: 3,
      groups: 1,
      secondsPerTask: 0.1,
      notes: [],
      grows: false,
    });
    expect(await plan(api, "/jobs?plan&secondsPerTask=2.5", { canvas })).toMatchObject({
      secondsPerTask: 2.5,
      time: { seconds: 5 },
    });
    expect(await traces(api)).toEqual(before);
    expect((await api.client.jobs()).items).toEqual([]);
  });

  it("the client plans a built canvas, its wire form and the workflow that makes it alike", async () => {
    const { client } = startApi();
    const ofCanvas = await client.plan(CHORD.canvas);
    expect(await client.planWire(CHORD.toJSON())).toEqual(ofCanvas);
    expect(await client.planWorkflow("example.sum-of-sums", { n: 3 })).toEqual({
      ...ofCanvas,
      writeUnits: expect.anything(),
      price: expect.anything(),
    });
    const ten = await client.planWorkflow("example.sum-of-sums", { n: 1_000 }, { secondsPerTask: 1 });
    expect(ten).toMatchObject({ taskRuns: 1_001, secondsPerTask: 1 });
    expect(ten.price.total).toBeCloseTo(Object.values(ten.price.parts).reduce((total, part) => total + part, 0));
  });

  it("a plan of a job with input pages includes the body after them", async () => {
    const api = startApi();
    const answer = await plan(api, "/jobs?plan&input", { body: sum.s().toJSON() });
    expect(answer).toMatchObject({ taskRuns: 1, grows: true, notes: [expect.stringContaining("pages")] });
  });

  it.each([
    ["an unknown task", "/jobs", { canvas: { task: "math.ad", args: [1, 2] } }],
    ["no canvas", "/jobs", {}],
    ["what belongs to input", "/jobs", { canvas: { task: "noop" }, policy: "settled" }],
    ["a canvas that is none", "/jobs", { canvas: { chain: [] } }],
    ["a timeout beyond the limit", "/jobs", { canvas: { task: "noop" }, timeoutSeconds: 1e9 }],
    ["an unknown body", "/jobs?input", { body: { task: "nobody" } }],
    ["a share of an open number", "/jobs?input", { policy: { percent: 5 } }],
    ["an unknown workflow", "/workflows/example.sums/jobs", {}],
    ["wrong fields", "/workflows/example.sum-of-sums/jobs", { fields: { n: "many" } }],
    ["supervision that is not there", "/workflows/example.sum-of-sums/jobs?supervised", {}],
  ])("a plan refuses %s as a start does", async (_what, path, json) => {
    const api = startApi();
    const started = await api.ask("POST", path, { json });
    const planned = await api.ask("POST", `${path}${path.includes("?") ? "&" : "?"}plan`, { json });
    expect(planned.status).toBeGreaterThanOrEqual(400);
    expect([planned.status, await planned.json()]).toEqual([started.status, await started.json()]);
  });
  it.each([["/jobs?secondsPerTask=1"], ["/jobs?plan&secondsPerTask=soon"], ["/jobs?plan&secondsPerTask=-1"]])(
    "a plan with %s is refused",
    async (path) => {
      const response = await startApi().ask("POST", path, { json: { canvas: { task: "noop" } } });
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { code: "invalid_request", field: "?secondsPerTask" },
      ]);
    },
  );
});

describe("the cost of an ended job", () => {
  async function ended(api: Api, canvas: Parameters<Api["client"]["submit"]>[0]) {
    const { jobId } = await api.client.submit(canvas);
    expect(await api.client.job(jobId)).not.toHaveProperty("cost");
    await api.local.untilQuiet();
    const response = await api.ask("GET", `/jobs/${jobId}`);
    return z.parse(jobSchema, await response.json());
  }

  it("the cost of a job is that of its plan when all went as planned", async () => {
    const api = startApi();
    const { writeUnits, requests, messages } = await api.client.plan(CHORD.canvas);
    const job = await ended(api, CHORD.canvas);
    expect(job.cost).toMatchObject({
      measured: { taskRuns: 4, failed: 0 },
      computed: { spawnedRuns: 0, missingRuns: 0, writeUnits, requests: requests.total, messages: messages.total },
    });
    expect((await api.client.jobs()).items[0]).not.toHaveProperty("cost");
  });

  it("the cost of a job counts the failures and leaves out what did not run", async () => {
    const api = startApi();
    const canvas = chord(group([add.s(1, 1), fail.signature([], { retryable: false })]), noop.s()).canvas;
    const planned = await api.client.plan(canvas);
    const { cost } = await ended(api, canvas);
    expect(cost).toMatchObject({ measured: { taskRuns: 2, failed: 1 }, computed: { spawnedRuns: 0, missingRuns: 1 } });
    expect(cost?.computed.writeUnits.rows).toBeLessThan(planned.writeUnits.rows);
  });
});
