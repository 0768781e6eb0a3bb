import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { serveApp, type Served } from "../../functions/embedded/serve-app.ts";
import {
  createClient,
  type GraphNode,
  type Job,
  type JobEvent,
  type JobGraph,
  type Retried,
  type RetryPreview,
  type Run,
} from "../../functions/client/index.ts";
import type {
  GraphNode as EngineNode,
  JobEvent as EngineEvent,
  JobGraph as EngineGraph,
  JobView,
  Retried as EngineRetried,
  RetryPreview as EnginePreview,
  RunView,
} from "../../functions/engine/contract.ts";
import { startApi, type Api } from "./api.ts";

let served: Served | undefined;
afterEach(() => served?.close(0));

/** Starts a real server on a free port. */
async function serve(): Promise<{ api: Api; url: string; port: number; token: string }> {
  let port = 0;
  const token = "t";
  const api = startApi({ security: loopbackSecurity({ port: () => port, token }) });
  served = await serveApp(api.app, { port: 0 });
  port = served.port;
  return { api, url: served.url, port, token };
}

describe("createClient", () => {
  it.each(["", "127.0.0.1", undefined])("refuses %s as the address of the API", (url) =>
    expect(() => createClient({ url: url as string })).toThrow(
      expect.objectContaining({ code: "invalid_request", details: { field: "/url" } }),
    ),
  );
});

describe("the client over a real connection", () => {
  it("the client starts, follows and reads a job", async () => {
    const { api, url, token } = await serve();
    const client = createClient({ url, token });
    const { jobId, created } = await client.start("example.sum-of-sums", { n: 3 });
    expect(created).toBe(true);
    const following = (async () => {
      const states: (string | undefined)[] = [];
      for await (const event of client.events(jobId, { follow: true })) states.push(event.state);
      return states;
    })();
    await api.local.untilQuiet();
    expect(await following).toEqual(["started", "success"]);
    expect(await client.job(jobId)).toMatchObject({ state: "success", value: 6 });
    expect((await client.jobs({ limit: 5, state: "success" })).items).toHaveLength(1);
    const { items } = await client.runs(jobId);
    expect(await client.run(items[0]!.runId)).toEqual(items[0]);
    expect((await client.graph(jobId)).nodes.length).toBeGreaterThan(1);
    expect(await client.graphDot(jobId)).toContain("digraph");
    expect(await client.cancel(jobId)).toBe(false);
    const results: unknown[] = [];
    for await (const entry of client.results(jobId)) results.push(entry.value);
    expect(results).toEqual([6]);
  });

  it("the client turns problem details into errors of the same code", async () => {
    const { url, token } = await serve();
    const client = createClient({ url, token });
    await expect(client.job("nope")).rejects.toMatchObject({ code: "job_not_found", details: { status: 404 } });
    await expect(client.submitWire({ task: "noop", args: 1 })).rejects.toMatchObject({
      code: "invalid_canvas",
      details: { field: "/canvas/args" },
    });
    await expect(createClient({ url }).jobs()).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("the client says what to do when no server, or another program, answers", async () => {
    const { url } = await serve();
    await served?.close(0);
    await expect(createClient({ url }).jobs()).rejects.toMatchObject({
      code: "engine_unavailable",
      message: expect.stringContaining("npm run dev") as string,
    });
    const other = createClient({ url, fetch: () => new Response("<html>", { status: 418 }) });
    await expect(other.jobs()).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("418") as string,
    });
  });

  it("the client opens a job and adds its input", async () => {
    const { api, url, token } = await serve();
    const client = createClient({ url, token });
    const add = { kind: "task", task: "math.add", args: [2, 2], kwargs: {}, options: {}, immutable: false } as const;
    const { jobId } = await client.openJob({ body: { ...add, task: "math.sum", args: [] } });
    await client.putInput(jobId, 0, [add, add]);
    await client.sealInput(jobId, 1);
    await api.local.untilQuiet();
    expect(await client.job(jobId)).toMatchObject({ value: 8 });
  });
});

describe("the server", () => {
  /** Sends raw bytes. Returns the first line of the answer. */
  async function raw(port: number, text: string): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(text);
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.includes("\r\n")) break;
    }
    socket.destroy();
    return answer.split("\r\n")[0] ?? "";
  }

  it("the server refuses nonsense and keeps serving", async () => {
    const { url, port } = await serve();
    expect(await raw(port, "nonsense\r\n\r\n")).toContain("400");
    expect(await raw(port, "GET /jobs HTTP/1.0\r\n\r\n")).toMatch(/ 40[0-9] /);
    expect(await raw(port, "GET /jobs HTTP/1.1\r\nHost: evil.example\r\n\r\n")).toContain("403");
    expect(await raw(port, `GET /jobs/${"x".repeat(100_000)} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).toContain(
      "431",
    );
    expect(
      await raw(port, `GET /jobs/%E0%A4%A HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer t\r\n\r\n`),
    ).toContain("404");
    expect(
      await raw(
        port,
        `POST /jobs HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer t\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n`,
      ),
    ).toContain("413");
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("the server refuses an upload that is too large before its end, and keeps serving", async () => {
    const { url, token } = await serve();
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024).fill(32)),
    });
    const init = {
      method: "POST",
      body,
      duplex: "half",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    };
    const answer = await fetch(`${url}/jobs`, init as RequestInit).then(
      (response) => response.status,
      () => "cut off",
    );
    expect([413, "cut off"]).toContain(answer);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("the server takes a free port for 0, and reports a port that is taken", async () => {
    const { port, api } = await serve();
    expect(port).toBeGreaterThan(0);
    await expect(serveApp(api.app, { port })).rejects.toMatchObject({
      code: "engine_unavailable",
      message: expect.stringContaining("--port") as string,
    });
  });
});

it("the client's types are the engine's views, declared again without the engine", () => {
  // Only types are tested: this compiles as long as both agree.
  const job = (view: JobView): Job => view;
  const run = (view: RunView): Run => view;
  const event = (view: EngineEvent): JobEvent => view;
  const node = (view: EngineNode): GraphNode => view;
  const graph = (view: EngineGraph): JobGraph => view;
  const retried = (answer: EngineRetried): Retried => answer;
  const preview = (answer: EnginePreview): RetryPreview => answer;
  expect([job, run, event, node, graph, retried, preview]).toHaveLength(7);
});

it("a stream that fails half way breaks the connection, and a reader that pauses holds the source", async () => {
  const { api, url, token } = await serve();
  const client = createClient({ url, token });
  const { jobId } = await client.submitWire({ task: "noop" });
  await api.local.untilQuiet();
  let pulled = 0;
  api.local.engine.results = async function* () {
    for (; pulled < 2_000; pulled++)
      yield { index: pulled, runId: "r", status: "success", value: "x".repeat(64 * 1024) };
    throw new Error("store gone");
  };
  const results = client.results(jobId);
  await results.next();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(pulled).toBeLessThan(1_000);
  const rest = (async () => {
    let last = 0;
    for await (const entry of results) last = entry.index;
    return last;
  })();
  await expect(rest).rejects.toMatchObject({ code: "engine_unavailable" });
  expect((await client.health()).status).toBe("ok");
});
