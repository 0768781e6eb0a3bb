import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { type Fanfold, startFanfold } from "../../functions/embedded/index.ts";
import { chord, defineTask, defineWorkflow, group, setSubmitter, TaskError } from "../../functions/sdk/index.ts";

const square = defineTask({ name: "square", run: (_ctx, x: number) => x * x });
const total = defineTask({ name: "total", run: (_ctx, xs: number[]) => xs.reduce((sum, x) => sum + x, 0) });
const refuse = defineTask({
  name: "refuse",
  run: () => {
    throw new TaskError("no such customer", { reason: "unknown_customer", retryable: false });
  },
});
const waits = defineTask({ name: "waits", run: (ctx) => ctx.waitForEvent("go", { timeoutSeconds: 600 }) });
const squares = defineWorkflow({
  name: "squares",
  parameters: z.object({ n: z.int() }),
  canvas: ({ n }) => chord(group(Array.from({ length: n }, (_, i) => square.s(i))), total.s()),
});
const tasks = { square, total, refuse, waits, squares };

const folders: string[] = [];
const newFolder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), "fanfold-embed-")));
  return folders.at(-1) as string;
};
afterAll(() => {
  setSubmitter(undefined);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function within<T>(data: string, use: (fanfold: Fanfold) => Promise<T>): Promise<T> {
  const fanfold = await startFanfold({ tasks, data });
  try {
    return await use(fanfold);
  } finally {
    await fanfold.stop({ graceSeconds: 1 });
  }
}

describe("an engine in the caller's process", { timeout: 60_000 }, () => {
  it("runs canvases and workflows, and returns their values", () =>
    within(newFolder(), async (fanfold) => {
      const sixteen: number = await fanfold.run(square.s(4));
      expect(await fanfold.run(group([square.s(2), square.s(3)]))).toEqual([4, 9]);
      expect([sixteen, await fanfold.run(squares, { n: 4 }), await fanfold.run("squares", { n: 3 })]).toEqual([
        16, 14, 5,
      ]);
    }));
  it("starts many canvases and workflows at once, and answers for each", () =>
    within(newFolder(), async (fanfold) => {
      const starts = Array.from({ length: 20 }, (_, k) => square.s(k));
      const outcomes = await fanfold.submitMany([
        ...starts,
        { workflow: squares, fields: { n: 3 }, idempotencyKey: "three" },
        { work: square.s(9), timeoutSeconds: -1 },
      ]);
      const values = outcomes.slice(0, -1).map(async (outcome) => {
        if ("error" in outcome) throw outcome.error;
        return (await fanfold.wait(outcome.jobId)).value;
      });
      expect(await Promise.all(values)).toEqual([...starts.keys()].map((k) => k * k).concat(5));
      expect(outcomes.at(-1)).toMatchObject({
        error: { code: "invalid_request", details: { field: "/timeoutSeconds" } },
      });
      const again = await fanfold.submitMany([{ workflow: "squares", fields: { n: 3 }, idempotencyKey: "three" }]);
      expect(again).toEqual([{ ...outcomes.at(-2), created: false }]);
    }));
  it("throws the error of the task that ended the job", () =>
    within(newFolder(), (fanfold) =>
      expect(fanfold.run(refuse.s())).rejects.toMatchObject({
        name: "TaskError",
        message: "no such customer",
        reason: "unknown_customer",
      }),
    ));
  it("says that a job was cancelled", () =>
    within(newFolder(), async (fanfold) => {
      const { jobId } = await fanfold.submit(waits.s());
      const ended = fanfold.wait(jobId);
      await fanfold.client.cancel(jobId);
      expect(await ended).toMatchObject({ state: "cancelled" });
    }));
  it("shows each change of a job up to its end, and takes what `submit()` of a canvas starts", () =>
    within(newFolder(), async (fanfold) => {
      setSubmitter(fanfold);
      const { jobId } = await square.s(3).submit();
      const states: string[] = [];
      for await (const { state } of fanfold.watch(jobId)) states.push(state);
      expect([states.at(-1), (await fanfold.get(jobId)).value]).toEqual(["success", 9]);
    }));
  it("goes on, after a stop, with what was unfinished", async () => {
    const data = newFolder();
    const jobId = await within(data, async (fanfold) => (await fanfold.submit(waits.s())).jobId);
    const job = await within(data, async (fanfold) => {
      await fanfold.client.sendEvent(jobId, "go", 7);
      return fanfold.wait(jobId);
    });
    expect(job).toMatchObject({ state: "success", value: 7 });
  });
  it("runs a module in worker processes", async () => {
    const module = resolve(import.meta.dirname, "../shipped-tasks.ts");
    const fanfold = await startFanfold({ tasks: module, data: newFolder(), workers: 1 });
    try {
      expect(await fanfold.run("example.sum-of-sums", { n: 10 })).toBeTypeOf("number");
    } finally {
      await fanfold.stop();
    }
  });
  it("has no worker processes for tasks that were given as objects", () =>
    expect(startFanfold({ tasks, data: newFolder(), workers: 2 })).rejects.toMatchObject({
      code: "invalid_request",
      details: { field: "workers" },
    }));
});
