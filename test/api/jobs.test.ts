import * as z from "zod";
import { describe, expect, it } from "vitest";
import {
  job as jobSchema,
  jobEvent,
  jobGraph,
  jobPage,
  resultEntry,
  run as runSchema,
  runPage,
  workflow as workflowSchema,
} from "../../functions/api/schemas.ts";
import { linesOf, startApi, type Api } from "./api.ts";

const add = (x: number, y: number) => ({ task: "math.add", args: [x, y] });
const CHORD = { chord: { header: [add(1, 1), add(2, 2), add(3, 3)], body: { task: "math.sum" } } };

async function start(api: Api, canvas: unknown, headers: Record<string, string> = {}): Promise<string> {
  const response = await api.ask("POST", "/jobs", { json: { canvas }, headers });
  expect(response.status).toBe(201);
  const { jobId } = (await response.json()) as { jobId: string };
  expect(response.headers.get("Location")).toBe(`/jobs/${jobId}`);
  return jobId;
}
/** Returns the answer, checked against its description in the OpenAPI document. */
async function read<T>(schema: z.ZodType<T>, response: Response): Promise<T> {
  expect(response.status).toBe(200);
  return z.parse(schema, await response.json());
}

describe("a job", () => {
  it("a job is started, runs and shows its value", async () => {
    const api = startApi();
    const jobId = await start(api, CHORD);
    expect(await read(jobSchema, await api.ask("GET", `/jobs/${jobId}`))).toMatchObject({
      jobId,
      state: "pending",
      planned: 4,
    });
    await api.local.untilQuiet();
    expect(await read(jobSchema, await api.ask("GET", `/jobs/${jobId}`))).toMatchObject({
      state: "success",
      value: 12,
      counts: { success: 4 },
      countsExact: true,
    });
  });

  it("the same Idempotency-Key and body return the same job, and another body is refused", async () => {
    const api = startApi();
    const headers = { "Idempotency-Key": "monday" };
    const jobId = await start(api, add(1, 2), headers);
    const again = await api.ask("POST", "/jobs", { json: { canvas: add(1, 2) }, headers });
    expect([again.status, await again.json()]).toEqual([200, { jobId, created: false }]);
    const other = await api.ask("POST", "/jobs", { json: { canvas: add(1, 3) }, headers });
    expect([other.status, await other.json()]).toMatchObject([409, { code: "idempotency_conflict" }]);
  });

  it("the same Idempotency-Key of two principals starts two jobs", async () => {
    let principal = "ann";
    const api = startApi({ security: { check: () => ({ principal }) } });
    const headers = { "Idempotency-Key": "monday" };
    const ofAnn = await start(api, add(1, 2), headers);
    principal = "bob";
    expect(await start(api, add(1, 3), headers)).not.toBe(ofAnn);
  });

  it("the runs of a job are listed page by page, and each is read by its id", async () => {
    const api = startApi();
    const jobId = await start(api, CHORD);
    await api.local.untilQuiet();
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await read(
        runPage,
        await api.ask(
          "GET",
          `/jobs/${jobId}/runs?limit=2${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
        ),
      );
      ids.push(...page.items.map((each) => each.runId));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(ids).toHaveLength(5);
    const body = await read(runSchema, await api.ask("GET", `/runs/${jobId}.0~1`));
    expect(body).toMatchObject({ runId: `${jobId}.0~1`, task: "math.sum", status: "success", value: 12 });
    const escaped = await read(runSchema, await api.ask("GET", `/runs/${encodeURIComponent(`${jobId}.0.g.2`)}`));
    expect(escaped).toMatchObject({ task: "math.add", value: 6 });
    expect((await api.ask("GET", `/runs/${jobId}.0.g.3`)).status).toBe(404);
    expect(((await (await api.ask("GET", "/runs/nonsense")).json()) as { code: string }).code).toBe("run_not_found");
  });

  it("D084 a run and a job that are unknown, or have expired, have codes that say so", async () => {
    const { client, local } = startApi();
    const { jobId } = await client.submitWire(add(1, 2));
    await local.untilQuiet();
    const unknown = { code: "run_not_found" };
    await expect(client.run(`${jobId}.7`)).rejects.toMatchObject(unknown);
    await expect(client.job("nope")).rejects.toMatchObject({ code: "job_not_found" });
    local.store.table.clear();
    await expect(client.run(`${jobId}.0`)).rejects.toMatchObject(unknown);
    await expect(client.job(jobId)).rejects.toMatchObject({ code: "job_not_found" });
    await expect(client.results(jobId).next()).rejects.toMatchObject({ code: "job_not_found" });
  });

  it("the runs of one group are listed without those below it, page by page", async () => {
    const api = startApi();
    const jobId = await start(api, { group: [CHORD, add(4, 4), add(5, 5)], options: { policy: "settled" } });
    await api.local.untilQuiet();
    const list = async (query: string) =>
      read(runPage, await api.ask("GET", `/jobs/${jobId}/runs?group=${jobId}.0.g&${query}`));
    const { items } = await list("");
    const direct = ["0", "0~1", "1", "2"].map((member) => `${jobId}.0.g.${member}`);
    expect(items.map(({ runId }) => runId)).toEqual(direct);
    const first = await list("limit=3");
    expect(first.items.map(({ runId }) => runId)).toEqual(direct.slice(0, 3));
    expect((await list(`cursor=${first.cursor}`)).items.map(({ runId }) => runId)).toEqual(direct.slice(3));
    const whole = await read(runPage, await api.ask("GET", `/jobs/${jobId}/runs?group=${jobId}`));
    expect(whole.items.map(({ runId }) => runId)).toEqual([`${jobId}.0`]);
    for (const query of ["group=other.0.g", `group=${jobId}.x`, `group=${jobId}.0.g&cursor=${jobId}.0`])
      expect((await api.ask("GET", `/jobs/${jobId}/runs?${query}`)).status).toBe(400);
  });

  it("a run is read with its arguments, and with the run whose value comes before them", async () => {
    const api = startApi();
    const jobId = await start(api, { chain: [add(1, 2), { task: "math.add", args: [3] }] });
    await api.local.untilQuiet();
    const second = await read(runSchema, await api.ask("GET", `/runs/${jobId}.0~1`));
    expect(second).toMatchObject({ args: [3], kwargs: {}, inputOf: `${jobId}.0`, value: 6 });
    const first = await read(runSchema, await api.ask("GET", `/runs/${jobId}.0`));
    expect([first.args, first.inputOf]).toEqual([[1, 2], undefined]);
    const alone = await start(api, add(4, 5));
    await api.local.untilQuiet();
    expect(await read(runSchema, await api.ask("GET", `/runs/${alone}.0`))).toMatchObject({ args: [4, 5], value: 9 });
  });

  it("the graph of one member is drawn alone", async () => {
    const api = startApi();
    const jobId = await start(api, { group: [CHORD, add(4, 4)] });
    await api.local.untilQuiet();
    const graph = await read(jobGraph, await api.ask("GET", `/jobs/${jobId}/graph?run=${jobId}.0.g.1`));
    expect(graph.nodes.map(({ id }) => id)).toEqual([`${jobId}.0.g.1`]);
    expect((await api.ask("GET", `/jobs/${jobId}/graph?run=${jobId}.0.g.7`)).status).toBe(404);
    expect((await api.ask("GET", `/jobs/${jobId}/graph?run=other.0`)).status).toBe(400);
  });

  it("jobs are listed by state, newest first", async () => {
    const api = startApi();
    const first = await start(api, add(1, 1));
    await api.local.untilQuiet();
    api.local.clock.set(api.local.clock.now() + 1_000);
    const second = await start(api, { task: "fail", kwargs: { retryable: false } });
    await api.local.untilQuiet();
    const list = async (query: string) =>
      (await read(jobPage, await api.ask("GET", `/jobs${query}`))).items.map((each) => each.jobId);
    expect(await list("")).toEqual([second, first]);
    expect(await list("?state=failure")).toEqual([second]);
    expect((await read(jobPage, await api.ask("GET", "/jobs?limit=1"))).cursor).toBeDefined();
    expect((await api.ask("GET", "/jobs?limit=0")).status).toBe(400);
    expect((await api.ask("GET", "/jobs?state=done")).status).toBe(400);
  });

  it("a job is cancelled once", async () => {
    const api = startApi();
    const jobId = await start(api, CHORD);
    expect(await (await api.ask("POST", `/jobs/${jobId}/cancel`)).json()).toEqual({ jobId, cancelled: true });
    await api.local.untilQuiet();
    expect(await (await api.ask("POST", `/jobs/${jobId}/cancel`)).json()).toEqual({ jobId, cancelled: false });
    expect(await read(jobSchema, await api.ask("GET", `/jobs/${jobId}`))).toMatchObject({ state: "cancelled" });
  });

  it("an event with a number that JSON cannot carry is refused, and sends nothing", async () => {
    const api = startApi();
    const { jobId } = (await (await api.ask("POST", "/jobs", { json: { canvas: { task: "noop" } } })).json()) as {
      jobId: string;
    };
    const response = await api.ask("POST", `/jobs/${jobId}/events/paid`, {
      body: '{"value":[1e400]}',
      headers: { "Content-Type": "application/json" },
    });
    expect(await response.json()).toMatchObject({ status: 400, code: "invalid_json", field: "/value/0" });
    const again = await api.ask("POST", `/jobs/${jobId}/events/paid`, { json: { value: [1] } });
    expect(await again.json()).toMatchObject({ sent: true });
    expect(api.reported).toEqual([]);
  });

  it("a job continues when a run is answered and an event is sent, each once", async () => {
    const api = startApi();
    const jobId = await start(api, {
      chain: [{ approval: { name: "go-on" } }, { task: "math.add", args: [1] }, { event: { name: "paid" } }],
    });
    await api.local.untilQuiet();
    const page = await read(runPage, await api.ask("GET", `/jobs/${jobId}/runs?status=waiting`));
    const { runId } = page.items[0] as { runId: string };
    const { wait } = await read(runSchema, await api.ask("GET", `/runs/${runId}`));
    const token = wait?.token;
    const answer = (json: unknown): Promise<Response> => api.ask("POST", `/runs/${runId}/complete`, { json });
    expect((await answer({ token })).status).toBe(400);
    expect((await answer({ token: "another", value: 1 })).status).toBe(409);
    expect(await (await answer({ token, value: 40 })).json()).toEqual({ runId, completed: true });
    expect(await (await answer({ token, value: 41 })).json()).toEqual({ runId, completed: false });
    await api.local.untilQuiet();
    const send = async (value: unknown): Promise<unknown> =>
      (await api.ask("POST", `/jobs/${jobId}/events/paid`, { json: { value } })).json();
    expect(await send("today")).toEqual({ jobId, name: "paid", sent: true });
    expect(await send("tomorrow")).toEqual({ jobId, name: "paid", sent: false });
    await api.local.untilQuiet();
    expect(await read(jobSchema, await api.ask("GET", `/jobs/${jobId}`))).toMatchObject({
      state: "success",
      value: "today",
    });
    expect(await (await api.ask("POST", `/runs/${runId}/cancel`)).json()).toEqual({ runId, cancelled: false });
  });

  it("a job shows its graph as JSON, DOT and Mermaid", async () => {
    const api = startApi();
    const jobId = await start(api, CHORD);
    await api.local.untilQuiet();
    const graph = await read(jobGraph, await api.ask("GET", `/jobs/${jobId}/graph`));
    expect(graph.nodes.map((node) => node.label)).toContain("math.sum");
    for (const how of [{ path: "?format=dot" }, { headers: { Accept: "text/vnd.graphviz" } }]) {
      const dot = await api.ask("GET", `/jobs/${jobId}/graph${how.path ?? ""}`, {
        ...(how.headers && { headers: how.headers }),
      });
      expect(dot.headers.get("Content-Type")).toContain("text/vnd.graphviz");
      expect(await dot.text()).toMatch(/^digraph job \{[^]*"math\.sum\\nsuccess"[^]*\}\n$/);
    }
    for (const how of [{ path: "?format=mermaid" }, { headers: { Accept: "text/vnd.mermaid" } }]) {
      const mermaid = await api.ask("GET", `/jobs/${jobId}/graph${how.path ?? ""}`, {
        ...(how.headers && { headers: how.headers }),
      });
      expect(mermaid.headers.get("Content-Type")).toContain("text/vnd.mermaid");
      const lines = (await mermaid.text()).split("\n");
      expect(lines[0]).toBe("flowchart LR");
      expect(lines.filter((line) => line.includes(":::"))).toHaveLength(graph.nodes.length);
      expect(lines.filter((line) => line.includes("->"))).toHaveLength(graph.edges.length);
      expect(lines.find((line) => line.includes("math.sum"))).toMatch(
        /^ {2}n\d+\["math\.sum<br\/>success"\]:::success$/,
      );
    }
  });
});

describe("results and events", () => {
  it("results are refused while the job runs, and are complete and in order afterwards", async () => {
    const api = startApi();
    const jobId = await start(api, {
      group: [add(1, 1), { task: "fail", kwargs: { retryable: false } }, add(3, 3)],
      options: { policy: "settled" },
    });
    expect(await (await api.ask("GET", `/jobs/${jobId}/results`)).json()).toMatchObject({
      code: "job_unfinished",
      retryable: true,
    });
    await api.local.untilQuiet();
    const response = await api.ask("GET", `/jobs/${jobId}/results`);
    expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
    const entries = (await linesOf(response)).map((line) => z.parse(resultEntry, line));
    expect(entries.map(({ index, status, value }) => [index, status, value])).toEqual([
      [0, "success", 2],
      [1, "error", undefined],
      [2, "success", 6],
    ]);
  });

  it("the events of a job include its failures", async () => {
    const api = startApi();
    const jobId = await start(api, { task: "fail", kwargs: { retryable: false, message: "on purpose" } });
    await api.local.untilQuiet();
    const events = (await linesOf(await api.ask("GET", `/jobs/${jobId}/events`))).map((line) =>
      z.parse(jobEvent, line),
    );
    expect(events.map((event) => event.state ?? event.error?.message)).toEqual(["started", "on purpose", "failure"]);
  });

  it("the stream of events follows a job to its end", async () => {
    const api = startApi();
    const jobId = await start(api, add(1, 1));
    const response = await api.ask("GET", `/jobs/${jobId}/events?follow`);
    const lines = linesOf(response);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await api.local.untilQuiet();
    expect((await lines).map((line) => (line as { state: string }).state)).toEqual(["started", "success"]);
  });
});

describe("a workflow", () => {
  it("a workflow is listed with the schema of its fields, and is started", async () => {
    const api = startApi();
    const found = await read(workflowSchema, await api.ask("GET", "/workflows/example.sum-of-sums"));
    expect(found.parametersSchema).toMatchObject({ properties: { n: { type: "integer" } } });
    expect(await (await api.ask("GET", "/workflows")).json()).toMatchObject({
      items: [{ name: "example.sum-of-sums" }],
    });
    const response = await api.ask("POST", "/workflows/example.sum-of-sums/jobs", { json: { fields: { n: 4 } } });
    const { jobId } = (await response.json()) as { jobId: string };
    await api.local.untilQuiet();
    expect(await read(jobSchema, await api.ask("GET", `/jobs/${jobId}`))).toMatchObject({
      workflow: "example.sum-of-sums",
      parameters: { n: 4 },
      value: 12,
    });
  });

  it("a workflow whose fields have defaults starts without a body", async () => {
    expect((await startApi().ask("POST", "/workflows/example.sum-of-sums/jobs")).status).toBe(201);
  });
});

describe("a job with input pages", () => {
  const page = (...items: unknown[]) => ({
    body: items.map((item) => JSON.stringify(item)).join("\n"),
    headers: { "Content-Type": "application/x-ndjson" },
  });

  it("a job takes input pages in any order, even twice, and runs its body over all of them in order", async () => {
    const api = startApi();
    const open = await api.ask("POST", "/jobs?input", { json: { body: { task: "math.sum" } } });
    expect(open.status).toBe(201);
    const { jobId } = (await open.json()) as { jobId: string };
    expect(await (await api.ask("PUT", `/jobs/${jobId}/input/1`, page(add(3, 3)))).json()).toEqual({
      page: 1,
      items: 1,
    });
    for (let times = 0; times < 2; times++)
      expect((await api.ask("PUT", `/jobs/${jobId}/input/0`, page(add(1, 1), add(2, 2)))).status).toBe(200);
    await api.local.untilQuiet(60);
    const conflict = await api.ask("PUT", `/jobs/${jobId}/input/0`, page(add(1, 1)));
    expect([conflict.status, await conflict.json()]).toMatchObject([409, { code: "page_conflict" }]);
    for (let times = 0; times < 2; times++)
      expect((await api.ask("POST", `/jobs/${jobId}/input/seal`, { json: { pages: 2 } })).status).toBe(200);
    await api.local.untilQuiet();
    expect(await read(jobSchema, await api.ask("GET", `/jobs/${jobId}`))).toMatchObject({
      state: "success",
      value: 12,
    });
    const late = await api.ask("PUT", `/jobs/${jobId}/input/2`, page(add(1, 1)));
    expect([late.status, await late.json()]).toMatchObject([409, { code: "input_sealed" }]);
  });

  it("an input page with an unknown task is refused, and the error names the line", async () => {
    const api = startApi();
    const { jobId } = (await (await api.ask("POST", "/jobs?input", { json: {} })).json()) as { jobId: string };
    const response = await api.ask("PUT", `/jobs/${jobId}/input/0`, page(add(1, 1), { task: "nope" }));
    expect(await response.json()).toMatchObject({ code: "unknown_task", field: "/1/task" });
  });
});
