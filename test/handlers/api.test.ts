import { Writable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ENGINE_QUEUE } from "../../functions/core/names/queue-name.ts";
import { PortError } from "../../functions/engine/ports.ts";
import { createClient } from "../../functions/client/index.ts";
import { requestOf, resultOf } from "../../functions/handlers/rest-proxy.ts";
import { defineTask, group, TaskError } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import * as examples from "../../functions/tasks/examples.ts";
import { contextOf, TestDeployment } from "./deployment.ts";
import { eventOf, fetchOf } from "./proxy-event.ts";

const outage = { lasts: true };
const call = defineTask({
  name: "call",
  run: () => {
    if (outage.lasts) throw new TaskError("nobody answers", { retryable: false });
    return "answered";
  },
});
const long = defineTask({ name: "long", run: (_ctx, characters: number) => '"'.repeat(characters) });

describe("the api function", () => {
  const deployment = new TestDeployment({ ...examples, long, call });
  const client = createClient({ url: "https://api", fetch: fetchOf(deployment) });

  it("the api function needs no token, because API Gateway has authorised the caller", async () => {
    expect(await client.health()).toMatchObject({ status: "ok" });
    expect((await client.workflows()).map(({ name }) => name)).toEqual(["example.sum-of-sums"]);
  });

  it("the api function starts a workflow and shows its outcome", async () => {
    const { jobId } = await client.start("example.sum-of-sums", { n: 3 });
    await deployment.untilQuiet();
    expect(await client.job(jobId)).toMatchObject({ state: "success", value: 6 });
  });

  it("the api function starts a batch, whose path has a colon", async () => {
    const starts = [1, 2].map((n) => ({ workflow: "example.sum-of-sums", fields: { n } }));
    expect(await client.submitMany(starts)).toMatchObject([{ created: true }, { created: true }]);
    await deployment.untilQuiet();
  });

  it("the same key of two callers starts two jobs", async () => {
    const other = createClient({
      url: "https://api",
      fetch: fetchOf(deployment, "arn:aws:iam::123456789012:user/bob"),
    });
    const options = { idempotencyKey: "k" };
    const first = await client.start("example.sum-of-sums", { n: 1 }, options);
    expect(await client.start("example.sum-of-sums", { n: 1 }, options)).toEqual({
      jobId: first.jobId,
      created: false,
    });
    expect((await other.start("example.sum-of-sums", { n: 1 }, options)).jobId).not.toBe(first.jobId);
    await deployment.untilQuiet();
  });

  it("the api function retries a failed job, and says that its supervisor hears nothing of it", async () => {
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(call.s()), token: "token of the supervisor" });
    await deployment.untilQuiet();
    expect(await client.job(jobId)).toMatchObject({ state: "failure" });
    outage.lasts = false;
    expect(await client.previewRetry(jobId)).toMatchObject({ runs: 1 });
    expect(await client.retry(jobId)).toEqual({ jobId, round: 1, created: true, supervised: false });
    await deployment.untilQuiet();
    expect(await client.job(jobId)).toMatchObject({ state: "success", round: 1, value: "answered" });
  });

  it("long results are answered in parts that Lambda can carry, each naming the next", async () => {
    // Each result takes about 2 MB once it is a JSON string in a JSON string.
    const { jobId } = await client.submit(canvasOf(group(Array.from({ length: 7 }, () => long.s(500_000)))));
    await deployment.untilQuiet();
    const parts: { bytes: number; link: string | undefined }[] = [];
    let link: string | undefined = "";
    while (link !== undefined) {
      const from: string | undefined = /from=(\d+)/.exec(link)?.[1];
      const query = from === undefined ? null : { from };
      const answer = await deployment.api(
        eventOf("GET", `/jobs/${jobId}/results`, { queryStringParameters: query }),
        contextOf(),
      );
      expect(answer.statusCode).toBe(200);
      link = answer.headers?.["link"] as string | undefined;
      parts.push({ bytes: JSON.stringify(answer).length, link });
    }
    expect(parts.length).toBeGreaterThan(2);
    expect(Math.max(...parts.map(({ bytes }) => bytes))).toBeLessThan(6 * 1024 * 1024);
    // The client joins the parts.
    const indexes: number[] = [];
    for await (const { index } of client.results(jobId)) indexes.push(index);
    expect(indexes).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("an answer that is too large becomes an error that says so", async () => {
    expect(await resultOf(new Response("x".repeat(200)), 100)).toMatchObject({
      statusCode: 413,
      body: expect.stringContaining("payload_too_large"),
    });
  });

  it("a supervised job is started by an execution with the job's name", async () => {
    const start = async (key: string, n: number) =>
      (await deployment.api(
        eventOf("POST", "/workflows/example.sum-of-sums/jobs", {
          queryStringParameters: { supervised: "" },
          multiValueQueryStringParameters: { supervised: [""] },
          multiValueHeaders: { "content-type": ["application/json"], "idempotency-key": [key] },
          body: JSON.stringify({ fields: { n }, timeoutSeconds: 60 }),
        }),
        contextOf(),
      )) as { statusCode: number; body: string };
    const first = await start("s", 2);
    const { jobId } = JSON.parse(first.body) as { jobId: string };
    expect(first.statusCode).toBe(201);
    expect(deployment.supervisions.inputs.get(jobId)).toEqual({
      workflow: "example.sum-of-sums",
      fields: { n: 2 },
      principal: "arn:aws:iam::123456789012:user/ann",
      timeoutSeconds: 60,
    });
    expect(await start("s", 2)).toMatchObject({ statusCode: 200, body: JSON.stringify({ jobId, created: false }) });
    // The supervisor has not submitted the job yet.
    const { statusCode, body } = await deployment.api(eventOf("GET", `/jobs/${jobId}`), contextOf());
    expect(statusCode).toBe(200);
    expect(JSON.parse(body)).toEqual({
      jobId,
      workflow: "example.sum-of-sums",
      parameters: { n: 2 },
      state: "pending",
      round: 0,
      createdAt: 1_000,
      deadlineAt: 61_000,
      counts: {},
      countsExact: false,
      planned: 0,
    });
    expect((await deployment.api(eventOf("GET", "/jobs/01JD2Y8ZK5W0E3T7Q9M4R6X8AB"), contextOf())).statusCode).toBe(
      404,
    );
  });

  it("errors are answered as problem documents, and an unknown path with 404", async () => {
    const { statusCode, headers, body } = await deployment.api(eventOf("GET", "/nothing"), contextOf());
    expect(statusCode).toBe(404);
    expect(headers).toMatchObject({ "content-type": "application/problem+json" });
    expect(JSON.parse(body)).toMatchObject({ code: "not_found" });
  });

  it("health is looked up once in ten seconds, whoever asks, and tells the engine's queue", async () => {
    const asked = new TestDeployment({ ...examples, long });
    const answer = async () => JSON.parse((await asked.api(eventOf("GET", "/health"), contextOf())).body) as object;
    const [first] = [await answer(), await answer()];
    expect(first).toMatchObject({ status: "ok", store: { writable: true }, queues: { [ENGINE_QUEUE]: { ready: 0 } } });
    expect([asked.store.stats().writes, asked.store.stats().refusedWrites]).toEqual([1, 1]);
    asked.store.write = () => Promise.reject(new PortError("outage", "table at 10.0.0.7"));
    expect(await answer()).toEqual(first);
    asked.clock.ahead += 10_000;
    expect(await answer()).toMatchObject({ code: "degraded", details: { reasons: ["store_unwritable"] } });
    expect(JSON.stringify(await answer())).not.toContain("10.0.0.7");
  });

  it("each request is reported in one line of the log", async () => {
    await deployment.api(eventOf("GET", "/workflows"), contextOf());
    expect(deployment.lines.at(-1)).toMatchObject({
      message: "request",
      status: 200,
      request: "GET /{proxy+}",
      WriteUnits: 0,
    });
  });
});

describe("an api function that streams", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
  });
  it("a streaming api function sends results of any size as they are made", async () => {
    const written: { metadata?: unknown; bytes: number; ended: boolean } = { bytes: 0, ended: false };
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written.bytes += chunk.byteLength;
        done();
      },
      final: (done) => {
        written.ended = true;
        done();
      },
    });
    vi.stubEnv("FANFOLD_STREAMING", "1");
    vi.stubGlobal("awslambda", {
      streamifyResponse:
        (handler: (event: unknown, stream: Writable, context: unknown) => Promise<void>) =>
        (event: unknown, context: unknown) =>
          handler(event, stream, context),
      HttpResponseStream: { from: (to: Writable, metadata: unknown) => ((written.metadata = metadata), to) },
    });
    const deployment = new TestDeployment({ ...examples, long }, { streaming: true });
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({
      canvas: canvasOf(group(Array.from({ length: 7 }, () => long.s(500_000)))),
    });
    await deployment.untilQuiet();
    await deployment.api(eventOf("GET", `/jobs/${jobId}/results`), contextOf());
    expect(written).toMatchObject({
      metadata: { statusCode: 200, headers: { "content-type": "application/x-ndjson" } },
      ended: true,
    });
    expect(written.bytes).toBeGreaterThan(7_000_000);
  });
});

describe("a proxy event", () => {
  it("a proxy event becomes a request with all its headers, parameters and bytes", async () => {
    const request = requestOf(
      eventOf("PUT", "/jobs/a b%2Fc/input/0", {
        multiValueHeaders: { "x-two": ["1", "2"] },
        headers: { "x-one": "1" },
        multiValueQueryStringParameters: { follow: [""], a: ["1&2"] },
        body: Buffer.from("é\n").toString("base64"),
        isBase64Encoded: true,
      }),
    );
    expect(request.url).toBe("https://abc.execute-api.eu-west-1.amazonaws.com/jobs/a%20b%2Fc/input/0?follow=&a=1%262");
    expect(request.headers.get("x-two")).toBe("1, 2");
    expect(request.headers.get("x-one")).toBe("1");
    expect(request.headers.get("content-length")).toBe("3");
    expect(await request.text()).toBe("é\n");
  });
});
