import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createClient, type Job } from "../../functions/client/index.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { chord, defineTask, defineWorkflow, group, TaskError } from "../../functions/sdk/index.ts";
import { type Api, startApi } from "./api.ts";

const square = defineTask({ name: "square", run: (_ctx, x: number) => x * x });
const total = defineTask({ name: "total", run: (_ctx, xs: number[]) => xs.reduce((sum, x) => sum + x, 0) });
const refuse = defineTask({
  name: "refuse",
  run: () => {
    throw new TaskError("no such customer", { reason: "unknown_customer", retryable: false });
  },
});
const waits = defineTask({ name: "waits", run: (ctx) => ctx.waitForEvent("go", { timeoutSeconds: 600 }) });
const staysWaiting = defineTask({ name: "stays-waiting", run: (ctx) => ctx.waitForEvent("never") });
const PACE = { firstMs: 1, longestMs: 5 };

/** An API whose engine goes on with what there is to do whenever a job is asked for. */
function start(): Api & { readonly asked: string[] } {
  const api = startApi({ tasks: [square, total, refuse, waits, staysWaiting] });
  const asked: string[] = [];
  const client = createClient({
    url: "http://127.0.0.1:7420",
    pace: PACE,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      asked.push(`${request.method} ${pathname}${search}`);
      const answer = await api.app.fetch(request);
      if (request.method === "GET") await api.local.untilQuiet();
      return answer;
    },
  });
  return { ...api, client, asked };
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const read: Item[] = [];
  for await (const item of items) read.push(item);
  return read;
}

describe("a job that the client has started", () => {
  it("is data beside its calls, so that it prints and compares as the answer of the server", async () => {
    const job = await start().client.submit(square.s(3));
    expect(JSON.parse(JSON.stringify(job))).toEqual({ jobId: job.jobId, created: true });
  });
  it("yields each change and ends with the last, and returns its value", async () => {
    const { client } = start();
    const job = await client.submit(chord([square.s(2), square.s(3)], total.s()));
    const seen: Job[] = [];
    for await (const each of job.watch()) seen.push(each);
    expect(seen.map(({ state }) => state)).toEqual(["pending", "success"]);
    expect([await job.result(), (await job.wait()).state, (await job.get()).value]).toEqual([13, "success", 13]);
  });
  it("has a list as its value when it ends in a group", async () => {
    expect(await start().client.run(group([square.s(1), square.s(2)]))).toEqual([1, 4]);
  });
  it("throws the error that ended it, and lists the runs that failed", async () => {
    const { client } = start();
    const job = await client.submit(refuse.s());
    await expect(job.result()).rejects.toMatchObject({ message: "no such customer", reason: "unknown_customer" });
    const failed = await all(job.failures());
    expect(failed.map(({ task, error }) => [task, error?.message])).toEqual([["refuse", "no such customer"]]);
  });
  it("says of a cancelled job that it was cancelled", async () => {
    const { client } = start();
    const job = await client.submit(waits.s());
    expect(await job.cancel()).toBe(true);
    await expect(job.result()).rejects.toMatchObject({ name: "JobCancelled" });
  });
  it("is the same by its id alone: events, results, retry", async () => {
    const { client } = start();
    const { jobId } = await client.submit(waits.s());
    const job = client.handle<{ readonly ok: boolean }>(jobId);
    expect(await job.sendEvent("go", { ok: true })).toBe(true);
    expect((await job.result()).ok).toBe(true);
    expect((await all(job.results())).map(({ value }) => value)).toEqual([{ ok: true }]);
    expect((await all(job.events())).map(({ state }) => state)).toEqual(["started", "success"]);
    await expect(job.retry()).rejects.toMatchObject({ code: "nothing_to_retry" });
  });
  it("bears a server that does not answer for a moment, and no longer", async () => {
    const { client, app } = start();
    const { jobId } = await client.submit(waits.s());
    const after = (failures: number) => {
      let looks = 0;
      return createClient({
        url: "http://127.0.0.1:7420",
        pace: PACE,
        fetch: (request) => {
          if (looks++ < failures) throw new TypeError("reset");
          return app.fetch(request);
        },
      });
    };
    const first = async (failures: number) => (await after(failures).handle(jobId).watch().next()).value?.state;
    expect(await first(5)).toBe("pending");
    await expect(first(6)).rejects.toMatchObject({ code: "engine_unavailable" });
  });
  it("ends a wait when its signal aborts", async () => {
    const { client } = start();
    const job = await client.submit(staysWaiting.s());
    const signal = AbortSignal.timeout(20);
    await expect(job.wait({ signal })).rejects.toThrow(/timeout/);
  });
});

describe("a workflow", () => {
  const squares = defineWorkflow({
    name: "squares",
    parameters: z.object({ n: z.int(), offset: z.int().default(1) }),
    canvas: ({ n, offset }) => group(Array.from({ length: n }, (_, k) => square.s(k + offset))),
  });
  it("makes its canvas of fields in a test: they are checked and have their defaults", () => {
    expect(squares.canvas({ n: 2 }).canvas.members).toMatchObject([{ args: [1] }, { args: [2] }]);
    expect(() => squares.canvas({ n: "2" } as never)).toThrow(
      expect.objectContaining({ code: "invalid_parameters", details: { field: "/n" } }),
    );
  });
  it("is started by itself or by its name, with the same job for the same key", async () => {
    const { client, asked } = start();
    const first = await client.start("example.sum-of-sums", { n: 3 }, { idempotencyKey: "k" });
    const again = await client.start({ ...squares, name: "example.sum-of-sums" }, { n: 3 }, { idempotencyKey: "k" });
    expect([again.jobId === first.jobId, again.created, await first.result()]).toEqual([true, false, 6]);
    expect(await client.run("example.sum-of-sums", { n: 3 })).toBe(6);
    expect(asked.filter((each) => each.startsWith("POST"))).toEqual(
      Array.from({ length: 3 }, () => "POST /workflows/example.sum-of-sums/jobs"),
    );
  });
});

describe("lists of the client", () => {
  it("are a page when awaited, and all of their items in a loop, a request a page", async () => {
    const { client, asked } = start();
    for (let k = 0; k < 5; k++) await client.submit(square.s(k));
    expect((await client.jobs({ limit: 2 })).items).toHaveLength(2);
    asked.length = 0;
    expect(await all(client.jobs({ limit: 2 }))).toHaveLength(5);
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(asked.slice(1).every((path) => path.includes("cursor="))).toBe(true);
  });
  it("read no further than the loop goes, and throw in it", async () => {
    const { client, asked } = start();
    for (let k = 0; k < 5; k++) await client.submit(square.s(k));
    asked.length = 0;
    for await (const { jobId } of client.jobs({ limit: 2 })) if (jobId !== "") break;
    expect(asked).toHaveLength(1);
    await expect(all(client.runs("nope"))).rejects.toBeInstanceOf(FanfoldError);
  });
});
