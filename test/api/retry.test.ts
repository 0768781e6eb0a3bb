import * as z from "zod";
import { beforeEach, describe, expect, it } from "vitest";
import { retriedJobs, retriedOrPreview } from "../../functions/api/retry-schemas.ts";
import { jobEvent } from "../../functions/api/schemas.ts";
import type { RetriedJobs } from "../../functions/client/index.ts";
import type { RetriedJobs as EngineJobs } from "../../functions/engine/contract.ts";
import { chain, chord, type CanvasBuilder, defineTask, group, TaskError } from "../../functions/sdk/index.ts";
import { noop, sleep, sum } from "../../functions/tasks/examples.ts";
import { type Api, linesOf, startApi } from "./api.ts";

/** What is full at the moment. */
const full = new Set<string>();
let ran: string[] = [];
/** Fails while its disk is full. */
const store = defineTask({
  name: "store",
  run: (_ctx, disk: string, bytes: number) => {
    ran.push(disk);
    if (full.has(disk)) throw new TaskError(`${disk} is full`, { reason: "ENOSPC", retryable: false });
    return bytes;
  },
});
const later = defineTask({ name: "later", run: (_ctx, total: number) => total + 1 });
const tell = defineTask({ name: "tell", run: (_ctx, _parts: unknown) => void ran.push("tell") });
const SUM = chord(group([store.s("a", 1), store.s("b", 2).stamp({ team: "blue" }), store.s("c", 3)]), sum.s());

let api: Api;
let principal: string;
beforeEach(() => {
  full.clear();
  ran = [];
  principal = "ann";
  api = startApi({ tasks: [store, later, tell], security: { check: () => ({ principal }) } });
});
/** Returns the id of the job, which has ended. */
async function failed({ canvas }: CanvasBuilder, ...disks: string[]): Promise<string> {
  for (const disk of disks) full.add(disk);
  const { jobId } = await api.client.submit(canvas);
  await api.local.untilQuiet();
  expect(await api.client.job(jobId)).toMatchObject({ state: "failure" });
  full.clear();
  ran = [];
  api.local.clock.set(api.local.clock.now() + 1_000);
  return jobId;
}
const strict = z.union(retriedOrPreview.options.map((each) => each.strict()));
async function post(path: string, json?: unknown, headers: Record<string, string> = {}) {
  const response = await api.ask("POST", `${path}/retry`, { ...(json !== undefined && { json }), headers });
  return [response.status, (await response.json()) as unknown] as const;
}
/** Returns the answer, checked against its description in the OpenAPI document. */
async function retry(...given: Parameters<typeof post>) {
  const [status, answer] = await post(...given);
  return [status, status === 200 ? z.parse(strict, answer) : answer] as const;
}

describe("POST /jobs/{id}/retry", () => {
  it("S110 without a body everything that failed runs again in place, and what succeeded does not", async () => {
    const jobId = await failed(SUM, "a", "b");
    expect(await retry(`/jobs/${jobId}`)).toEqual([200, { jobId, round: 1, created: true }]);
    expect(await api.client.job(jobId)).toMatchObject({ state: "started", round: 1 });
    await api.local.untilQuiet();
    expect(await api.client.job(jobId)).toMatchObject({ state: "success", round: 1, value: 6 });
    expect(ran.toSorted()).toEqual(["a", "b"]);
    expect(await api.client.run(`${jobId}.0.g.2`)).toMatchObject({ round: 0, value: 3 });
  });

  it("S113 a dry run counts what would run again by task, reason and status, and changes nothing", async () => {
    const jobId = await failed(chain(SUM, later.s()), "a", "c");
    const [status, answer] = await retry(`/jobs/${jobId}`, { dryRun: true });
    expect([status, answer]).toEqual([
      200,
      {
        jobId,
        round: 1,
        runs: 2,
        exact: true,
        failures: [{ task: "store", reason: "ENOSPC", status: "error", count: 2, example: `${jobId}.0.g.0` }],
        again: [],
      },
    ]);
    expect(await api.client.previewRetry(jobId)).toEqual(answer);
    await api.local.untilQuiet();
    expect([ran, await api.client.job(jobId)]).toMatchObject([[], { state: "failure", round: 0 }]);
  });

  it("a dry run names the steps that had consumed what failed, unless they are kept", async () => {
    const settled = group([store.s("a", 1), store.s("b", 2)], { policy: "settled" });
    const jobId = await failed(chain(settled, noop.s()), "a");
    expect(await api.client.previewRetry(jobId)).toMatchObject({ runs: 1, again: [{ task: "noop", count: 1 }] });
    expect(await api.client.previewRetry(jobId, { keepDownstream: true })).toMatchObject({ runs: 1, again: [] });
  });

  it.each([
    ["tasks", { tasks: ["store"] }, ["a", "b"]],
    ["reasons", { reasons: ["ENOSPC"], statuses: ["error"] }, ["a", "b"]],
    ["stamps", { stamps: { team: ["blue", "red"] } }, ["b"]],
    ["a time", { endedAfter: 1 }, ["a", "b"]],
  ] as const)("S113 a filter by %s takes the failed runs that match", async (_title, filter, disks) => {
    const jobId = await failed(SUM, "a", "b");
    await api.client.retry(jobId, filter);
    await api.local.untilQuiet();
    expect(ran.toSorted()).toEqual(disks);
  });
  it("a reason is that of the error, and its name only where the error has none", async () => {
    const jobId = await failed(SUM, "a");
    expect(await retry(`/jobs/${jobId}`, { reasons: ["TaskError"] })).toMatchObject([
      409,
      { code: "nothing_to_retry" },
    ]);
    expect(await retry(`/jobs/${jobId}`, { reasons: ["TaskError", "ENOSPC"], dryRun: true })).toMatchObject([
      200,
      { runs: 1 },
    ]);
  });
  it("S114 runs that are named by their ids are retried, and the answer to a dry run counts them", async () => {
    const jobId = await failed(SUM, "a", "b", "c");
    const named = { runIds: [`${jobId}.0.g.0`, `${jobId}.0.g.2`] };
    expect(await api.client.previewRetry(jobId, named)).toMatchObject({ runs: 2 });
    await api.client.retry(jobId, named);
    await api.local.untilQuiet();
    expect(ran.toSorted()).toEqual(["a", "c"]);
  });

  it("a filter that fits no failed run is refused, and so is a job without failures", async () => {
    const jobId = await failed(SUM, "a");
    for (const filter of [{ tasks: ["math.sum"] }, { reasons: ["x"] }, { statuses: ["broken"] }, { endedBefore: 1 }])
      expect(await retry(`/jobs/${jobId}`, filter)).toMatchObject([409, { code: "nothing_to_retry" }]);
    expect(await retry(`/jobs/${jobId}`, { runIds: [`${jobId}.0.g.1`] })).toMatchObject([
      409,
      { code: "nothing_to_retry", detail: expect.stringContaining("is success") as string },
    ]);
    await retry(`/jobs/${jobId}`);
    await api.local.untilQuiet();
    expect(await retry(`/jobs/${jobId}`)).toMatchObject([409, { code: "nothing_to_retry" }]);
  });

  it.each([
    ["/tasks", { tasks: [] }],
    ["/statuses/0", { statuses: ["pending"] }],
    ["/stamps", { stamps: {} }],
    ["/stamps/team", { stamps: { team: [] } }],
    ["/runIds/0", { runIds: ["nonsense"] }],
    ["/runIds/1", { runIds: ["JOB.0", "another.0"] }],
    ["/endedAfter", { endedAfter: "yesterday" }],
    ["/task", { task: "store" }],
  ])("S113 a wrong %s is refused by name, and nothing is retried", async (field, filter) => {
    const jobId = await failed(SUM, "a");
    const body = JSON.parse(JSON.stringify(filter).replace("JOB", jobId)) as unknown;
    expect(await retry(`/jobs/${jobId}`, body)).toMatchObject([400, { code: "invalid_request", field }]);
    expect(await api.client.job(jobId)).toMatchObject({ round: 0 });
  });

  it("a filter above 16 KB is refused, because the job keeps it", async () => {
    const jobId = await failed(SUM, "a");
    const runIds = Array.from({ length: 500 }, () => `${jobId}.0.g.${"0".repeat(8)}`);
    expect(await retry(`/jobs/${jobId}`, { runIds })).toMatchObject([413, { code: "payload_too_large" }]);
  });

  it("S112 a job that still runs is not retried", async () => {
    const { jobId } = await api.client.submit(sleep.s(60).canvas);
    expect(await retry(`/jobs/${jobId}`)).toMatchObject([409, { code: "job_unfinished", retryable: true }]);
  });
  it("a job that has reached its deadline is over, and an unknown one is not found", async () => {
    const jobId = await failed(SUM, "a");
    const { deadlineAt } = await api.client.job(jobId);
    api.local.clock.set(deadlineAt - 10_000);
    expect(await retry(`/jobs/${jobId}`)).toMatchObject([409, { code: "job_over" }]);
    for (const id of ["nope", `${jobId}.0`])
      expect(await retry(`/jobs/${id}`)).toMatchObject([404, { code: "job_not_found" }]);
  });

  it("the same Idempotency-Key begins one round, also when the round has ended", async () => {
    const jobId = await failed(SUM, "a");
    const key = { "Idempotency-Key": "monday" };
    expect(await retry(`/jobs/${jobId}`, {}, key)).toEqual([200, { jobId, round: 1, created: true }]);
    expect(await retry(`/jobs/${jobId}`, {}, key)).toEqual([200, { jobId, round: 1, created: false }]);
    full.add("a");
    await api.local.untilQuiet();
    expect(await api.client.job(jobId)).toMatchObject({ state: "failure" });
    full.clear();
    expect(await api.client.retry(jobId, { idempotencyKey: "monday" })).toEqual({ jobId, round: 1, created: false });
    expect((await api.client.jobs({ state: "started" })).items).toEqual([]);
    expect(await api.client.retry(jobId, { idempotencyKey: "tuesday" })).toMatchObject({ round: 2, created: true });
  });
  it("the same Idempotency-Key with another selection is refused, and of another principal it is another", async () => {
    const jobId = await failed(SUM, "a", "b");
    const key = { "Idempotency-Key": "monday" };
    await retry(`/jobs/${jobId}`, { tasks: ["store"] }, key);
    for (const other of [{}, { tasks: ["store"], keepDownstream: true }])
      expect(await retry(`/jobs/${jobId}`, other, key)).toMatchObject([409, { code: "idempotency_conflict" }]);
    full.add("b");
    await api.local.untilQuiet();
    principal = "bob";
    expect(await retry(`/jobs/${jobId}`, {}, key)).toMatchObject([200, { round: 2, created: true }]);
    for (const wrong of ["", "k".repeat(256)])
      expect(await retry(`/jobs/${jobId}`, {}, { "Idempotency-Key": wrong })).toMatchObject([
        400,
        { code: "invalid_request", field: "Idempotency-Key" },
      ]);
  });
});

describe("POST /runs/{id}/retry", () => {
  it("S109 one run is retried, and the others stay as they ended", async () => {
    const jobId = await failed(SUM, "a", "b");
    expect(await retry(`/runs/${jobId}.0.g.1`, { dryRun: true })).toMatchObject([200, { runs: 1 }]);
    expect(await api.client.retryRun(`${jobId}.0.g.1`)).toEqual({ jobId, round: 1, created: true });
    await api.local.untilQuiet();
    expect(ran).toEqual(["b"]);
    const { items } = await api.client.runs(jobId);
    expect(items.filter(({ task }) => task === "store").map(({ status, round }) => [status, round])).toEqual([
      ["error", 0],
      ["success", 1],
      ["success", 0],
    ]);
  });
  it("S084 a run that is retried has no error any more; its earlier log says which attempt wrote it", async () => {
    const jobId = await failed(SUM, "a");
    const id = `${jobId}.0.g.0`;
    expect(await api.client.run(id)).toMatchObject({ status: "error", error: { reason: "ENOSPC" } });
    await api.client.retryRun(id);
    while (((await api.client.run(id)).status as string) === "error") await api.local.turn();
    for (const status of ["queued", "success"]) {
      const { error, startedAt, endedAt, detail, ...run } = await api.client.run(id);
      expect([run.status, error, detail?.attempt]).toEqual([status, undefined, "0000.000001"]);
      expect([startedAt, endedAt].filter((at) => at !== undefined)).toHaveLength(status === "queued" ? 0 : 2);
      await api.local.untilQuiet();
    }
  });
  it("by the id of a group, or of a run with a group below it, all that failed there is retried", async () => {
    const jobId = await failed(SUM, "a", "b");
    for (const id of [`${jobId}.0.g`, `${jobId}.0`])
      expect(await retry(`/runs/${id}`, { dryRun: true })).toMatchObject([200, { runs: 2 }]);
  });
  it("a run that did not fail is refused, and so is an id of nothing", async () => {
    const jobId = await failed(SUM, "a");
    expect(await retry(`/runs/${jobId}.0.g.1`)).toMatchObject([409, { code: "nothing_to_retry" }]);
    for (const id of [`${jobId}.0.g.7`, "nonsense", jobId])
      expect(await retry(`/runs/${id}`)).toMatchObject([404, { code: "run_not_found" }]);
    expect(await retry(`/runs/${jobId}.0.g.0`, { tasks: ["store"] })).toMatchObject([400, { field: "/tasks" }]);
  });
});

describe("POST /runs/retry", () => {
  const strictJobs = retriedJobs.strict();
  const all = async (json: unknown, headers: Record<string, string> = {}) => {
    const [status, answer] = await post("/runs", json, headers);
    return [status, status === 200 ? z.parse(strictJobs, answer) : answer] as const;
  };

  it("S113 jobs are retried by task, reason and time, and the route is not taken for a run with that id", async () => {
    const jobs = [await failed(SUM, "a", "b"), await failed(SUM, "a")];
    const dry = await all({ task: "store", reason: "ENOSPC", dryRun: true });
    expect(dry).toEqual([
      200,
      {
        retried: 2,
        runs: 3,
        skipped: { unfinished: 0, over: 0, nothing: 0 },
        jobs: [
          { jobId: jobs[1], round: 1, runs: 1 },
          { jobId: jobs[0], round: 1, runs: 2 },
        ],
      },
    ]);
    const first: RetriedJobs = await api.client.retryAll({ reason: "ENOSPC", since: 0, limit: 1 });
    const view: EngineJobs = first;
    expect(view).toMatchObject({ retried: 1, jobs: [{ jobId: jobs[1], round: 1 }] });
    const rest = await api.client.retryAll({ reason: "ENOSPC", since: 0, cursor: first.cursor as string });
    expect(rest).toMatchObject({ retried: 1, jobs: [{ jobId: jobs[0], round: 1 }] });
    await api.local.untilQuiet();
    for (const jobId of jobs) expect(await api.client.job(jobId)).toMatchObject({ state: "success", round: 1 });
    expect(await all({ task: "store" })).toMatchObject([200, { jobs: [], skipped: { nothing: 2 } }]);
  });
  it("steps that had consumed what failed keep their results when asked", async () => {
    const settled = group([store.s("a", 1), store.s("b", 2)], { policy: "settled" });
    for (const [keepDownstream, expected] of [
      [true, ["a"]],
      [false, ["a", "tell"]],
    ] as const) {
      await failed(chain(settled, tell.s()), "a");
      expect(await all({ task: "store", keepDownstream })).toMatchObject([200, { retried: 1 }]);
      await api.local.untilQuiet();
      expect(ran).toEqual(expected);
    }
  });
  it("the same Idempotency-Key retries a job once, and for another task it is refused", async () => {
    const jobId = await failed(SUM, "a");
    full.add("a");
    const key = { "Idempotency-Key": "monday" };
    for (let k = 0; k < 2; k++) {
      expect(await all({ task: "store" }, key)).toMatchObject([200, { jobs: [{ jobId, round: 1 }] }]);
      await api.local.untilQuiet();
    }
    expect(await all({ reason: "ENOSPC" }, key)).toMatchObject([409, { code: "idempotency_conflict" }]);
    principal = "bob";
    expect(await all({ task: "store" }, key)).toMatchObject([200, { jobs: [{ jobId, round: 2 }] }]);
  });
  it.each([
    ["/task", {}],
    ["/task", { task: "" }],
    ["/tasks", { tasks: ["store"] }],
    ["/reason", { reason: 7 }],
    ["/since", { task: "store", since: "2h" }],
    ["/limit", { task: "store", limit: 101 }],
    ["?cursor", { task: "store", cursor: "x" }],
    ["/statuses", { task: "store", statuses: ["error"] }],
  ])("a wrong %s of a retry of many jobs is refused by name, and nothing is retried", async (field, body) => {
    const jobId = await failed(SUM, "a");
    expect(await all(body)).toMatchObject([400, { code: "invalid_request", field }]);
    expect(await api.client.job(jobId)).toMatchObject({ round: 0 });
  });
  it("without a body it is refused, so it never retries everything", async () => {
    expect((await api.ask("POST", "/runs/retry")).status).toBe(415);
    expect((await api.ask("GET", "/runs/retry")).status).toBe(405);
  });
});

describe("what shows a round", () => {
  it("events name the round, and a stream that follows goes on until its end", async () => {
    const jobId = await failed(SUM, "a");
    await retry(`/jobs/${jobId}`);
    await api.local.untilQuiet();
    // The event of the end is written after the job. Here the first read after the end misses it.
    const { engine } = api.local;
    const whole = engine.events.bind(engine);
    let reads = 0;
    engine.events = async (...given) => {
      const page = await whole(...given);
      return reads++ > 0 ? page : { items: page.items.slice(0, -1) };
    };
    const events = z.array(jobEvent).parse(await linesOf(await api.ask("GET", `/jobs/${jobId}/events?follow`)));
    expect(events.map(({ kind, state, round }) => state ?? round ?? kind)).toEqual([
      "started",
      "failure",
      "failure",
      1,
      "success",
    ]);
  });
  it("the graph tells which runs and groups were taken up again, in JSON, DOT and Mermaid", async () => {
    const jobId = await failed(SUM, "a");
    const rounds = async () =>
      Object.fromEntries((await api.client.graph(jobId)).nodes.map(({ id, round }) => [id.replace(jobId, ""), round]));
    expect(Object.values(await rounds()).filter((round) => round !== undefined)).toEqual([]);
    await retry(`/jobs/${jobId}`);
    await api.local.untilQuiet();
    expect(await rounds()).toMatchObject({ ".0.g": 1, ".0.g.0": 1, ".0.g.1": undefined, ".0~1": 1 });
    const text = async (format: string) => (await api.ask("GET", `/jobs/${jobId}/graph?format=${format}`)).text();
    expect(await text("dot")).toContain(`"${jobId}.0.g.0" [label="store\\nsuccess\\nround 1"`);
    expect(await text("mermaid")).toContain(`["store<br/>success<br/>round 1"]`);
  });
});
