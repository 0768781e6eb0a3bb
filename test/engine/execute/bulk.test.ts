import { describe, expect, it } from "vitest";
import type { RunView } from "../../../functions/engine/job-views.ts";
import { type BulkRun, chain, chord, defineTask, group, TaskBroken, TaskError } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";
import { CONFIG, index, open, type Text, texts } from "./bulk-task.ts";

async function runsOf(local: LocalEngine, jobId: string): Promise<readonly RunView[]> {
  const { items } = await local.engine.runs(jobId, { limit: 500 });
  return items.filter((run) => run.task === "index");
}
async function failCountsOf(local: LocalEngine, jobId: string): Promise<readonly (number | undefined)[]> {
  const runs = await runsOf(local, jobId);
  const items = await Promise.all(
    runs.map(({ groupId, index: at }) => {
      const [leaf, own] = [Math.floor(at / CONFIG.width), at % CONFIG.width];
      const key = {
        table: "tasks",
        partition: `G#${groupId}#${leaf}`,
        sort: `C#${String(own).padStart(3, "0")}#0000`,
      } as const;
      return local.store.get(key, { consistent: true });
    }),
  );
  return items.map((item) => item?.attributes["failCount"] as number | undefined);
}

describe("the runs of a bulk task", () => {
  it("S019 S121 are called together and never singly, and each has its own value", async () => {
    const { task, calls } = index();
    const local = open([task]);
    const { jobId } = await local.engine.submit({ canvas: group(texts(10).map((text) => task.si(text))).canvas });
    await local.untilQuiet();
    expect(calls.map((call) => call.toSorted())).toEqual([texts(10)]);
    const values: unknown[] = [];
    for await (const entry of local.engine.results(jobId)) values.push(entry.value);
    expect(values).toEqual(texts(10, "T"));
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });
  it("are of any jobs", async () => {
    const { task, calls } = index();
    const local = open([task]);
    const jobs = await Promise.all(texts(5).map((text) => local.engine.submit({ canvas: task.si(text).canvas })));
    await local.untilQuiet();
    expect(calls.map((call) => call.toSorted())).toEqual([texts(5)]);
    for (const { jobId } of jobs) expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });
  it("S122 are at most `maxItems` in a call, and a full call waits for nobody", async () => {
    const called: (readonly [runs: number, seconds: number])[] = [];
    const { task } = index({
      bulk: { maxItems: 4, maxSeconds: 300 },
      run: (_ctx, runs) => {
        called.push([runs.length, Math.round((local.clock.now() - start) / 10_000) * 10]);
        return runs.map(() => ({ value: null }));
      },
    });
    const local = open([task]);
    const start = local.clock.now();
    await local.engine.submit({ canvas: group(texts(10).map((text) => task.si(text))).canvas });
    await local.untilQuiet();
    expect(called).toEqual([
      [4, 0],
      [4, 0],
      [2, 300],
    ]);
  });
  it("S123 S124 are no more once their input is above `maxBytes`, and the one that exceeds it is the last", async () => {
    const { task, calls } = index({ bulk: { maxBytes: 11_000, maxSeconds: 1 } });
    const local = open([task]);
    // Each run counts 2,000 bytes beside its arguments.
    const sizes = [1_000, 5_000, 100, 100, 50_000, 1_000];
    const canvases = sizes.map((size) => task.si("x".repeat(size)));
    await local.engine.submit({ canvas: group(canvases).canvas });
    await local.untilQuiet();
    expect(calls.map((call) => call.map(({ length }) => length))).toEqual([
      [1_000, 5_000, 100],
      [100, 50_000],
      [1_000],
    ]);
  });
  it("wait at most `maxSeconds`, whatever comes after them", async () => {
    const { task, calls } = index({ bulk: { maxItems: 3, maxSeconds: 30 } });
    const local = open([task]);
    const start = local.clock.now();
    await local.engine.submit({ canvas: task.si("first").canvas });
    for (let k = 0; k < 20; k++) {
      await local.untilQuiet(5);
      local.clock.set(start + 5_000 * (k + 1));
      await local.engine.submit({ canvas: task.si(`later${k}`).canvas });
      if (calls.some((call) => call.includes("first"))) break;
    }
    expect(local.clock.now() - start).toBeLessThanOrEqual(40_000);
  });
  it("S125 wait outside while they are delayed, deferred, or paused", async () => {
    const { task, calls } = index({ concurrency: { limit: 2, key: (_ctx, text: string) => text.slice(0, 1) } });
    const local = open([task]);
    const later = task.signature(["delayed"], {}, { countdown: 60 });
    await local.engine.submit({ canvas: group([task.si("a1"), later, task.si("a2"), task.si("a3")]).canvas });
    await local.untilQuiet(20);
    // Three have one key, of which two may execute at a time: the third is deferred, and in the next call.
    expect(calls.map(({ length }) => length)).toEqual([2, 1]);
    await local.untilQuiet();
    expect(calls.at(-1)).toEqual(["delayed"]);
  });
  it("wait while their task is paused, and cost no call", async () => {
    const { task, calls } = index();
    const local = open([task]);
    const { jobId } = await local.engine.submit({ canvas: group(texts(3).map((text) => task.si(text))).canvas });
    await local.turn();
    await local.engine.pause({ kind: "task", name: "index" });
    await local.untilQuiet(120);
    expect(calls).toEqual([]);
    await local.engine.resume({ kind: "task", name: "index" });
    await local.untilQuiet();
    expect(calls).toEqual([texts(3)]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });
  it("S132 wake what depends on them, and take what was before them", async () => {
    const { task, calls } = index();
    const before = defineTask({ name: "before", run: (_ctx, text: string) => `${text}!` });
    const after = defineTask({ name: "after", run: (_ctx, all: readonly unknown[]) => all });
    const local = open([task, before, after]);
    const header = group(texts(3).map((text) => chain(before.s(text), task.s())));
    const { jobId } = await local.engine.submit({ canvas: chord(header, after.s()).canvas });
    await local.untilQuiet();
    expect(calls).toEqual([["t0!", "t1!", "t2!"]]);
    const values: unknown[] = [];
    for await (const entry of local.engine.results(jobId)) values.push(entry.value);
    expect(values).toEqual([["T0!", "T1!", "T2!"]]);
  });
  it("S133 are given as a list of one when one runs by hand", async () => {
    const { task, calls } = index();
    expect(await task.inline("x")).toBe("X");
    await expect(task.inline("poison")).rejects.toThrow("refused");
    expect(calls).toEqual([["x"], ["poison"]]);
  });
});

describe("a bulk call", () => {
  it("S127 S130 ends each run by its own outcome", async () => {
    const task = defineTask({
      name: "index",
      bulk: { maxSeconds: 0 },
      retry: { maxAttempts: 2, initialDelaySeconds: 1 },
      run: (_ctx, runs: readonly BulkRun<Text>[]) =>
        runs.map(({ args: [text], attempt }) => {
          if (text === "fails") return { error: new TaskError("no", { reason: "full" }) };
          if (text === "once") return attempt === 1 ? { error: "not yet" } : { value: "then" };
          if (text === "breaks") return { error: new TaskBroken("never", "unreadable") };
          return text === "forgotten" ? (undefined as never) : { value: text };
        }),
    });
    const local = open([task]);
    const names = ["good", "fails", "once", "breaks", "forgotten"];
    const { jobId } = await local.engine.submit({ canvas: group(names.map((name) => task.si(name))).canvas });
    await local.untilQuiet();
    const runs = await runsOf(local, jobId);
    expect(runs.map(({ status, error }) => [status, error?.reason])).toEqual([
      ["success", undefined],
      ["error", "full"],
      ["success", undefined],
      ["broken", "unreadable"],
      ["broken", "invalid_bulk_outcome"],
    ]);
    expect(await failCountsOf(local, jobId)).toEqual([undefined, 2, undefined, 1, 1]);
  });
  it("S128 S129 that throws is halved until the poison is alone, and the others keep their fail counts", async () => {
    const { task, calls } = index({ retry: { maxAttempts: 2, initialDelaySeconds: 1 } });
    const local = open([task]);
    const names = [...texts(20), "poison", ...texts(43, "u")];
    const { jobId } = await local.engine.submit({ canvas: group(names.map((name) => task.si(name))).canvas });
    await local.untilQuiet();
    const bad = (await runsOf(local, jobId)).filter(({ status }) => status !== "success");
    expect(bad).toMatchObject([{ status: "error", index: 20, error: { reason: "poison" } }]);
    expect((await failCountsOf(local, jobId)).filter((count) => count !== undefined)).toEqual([2]);
    for (const name of names.filter((each) => each !== "poison"))
      expect(calls.filter((call) => call.includes(name)).length).toBeLessThanOrEqual(7);
    // Its retry is alone at once.
    expect(calls.filter((call) => call.includes("poison")).map(({ length }) => length)).toEqual([
      64, 32, 16, 8, 4, 2, 1, 1,
    ]);
  });
  it("that returns no list of their length is halved as well, and says so", async () => {
    const sizes: number[] = [];
    const task = defineTask({
      name: "index",
      bulk: { maxSeconds: 0 },
      run: (_ctx, runs: readonly BulkRun<Text>[]) => {
        sizes.push(runs.length);
        return runs.filter(({ args: [text] }) => text !== "lost").map(() => ({ value: 1 }));
      },
    });
    const local = open([task]);
    const { jobId } = await local.engine.submit({
      canvas: group(["a", "lost", "b"].map((name) => task.si(name))).canvas,
    });
    await local.untilQuiet();
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 1, 1, 2, 3]);
    const runs = await runsOf(local, jobId);
    expect(runs.map(({ status, error }) => error?.reason ?? status)).toEqual([
      "success",
      "invalid_bulk_outcome",
      "success",
    ]);
  });
  it("that cannot reach the other side is not halved", async () => {
    let up = false;
    const { task, calls } = index({
      run: (_ctx, runs) => {
        calls.push(runs.map(({ args: [text] }) => text));
        if (!up) throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
        return runs.map(() => ({ value: null }));
      },
    });
    const local = open([task]);
    const { jobId } = await local.engine.submit({ canvas: group(texts(8).map((text) => task.si(text))).canvas });
    await local.untilQuiet(8);
    expect(calls.map(({ length }) => length)).toEqual([8]);
    up = true;
    await local.untilQuiet();
    expect((await runsOf(local, jobId)).map(({ status }) => status)).toEqual(texts(8).map(() => "success"));
    expect(calls.length).toBeLessThanOrEqual(3);
  });
  it("leaves a run out that was cancelled, and takes no outcome of it", async () => {
    const { task, calls } = index();
    const local = open([task]);
    const canvas = group(texts(3).map((text) => task.si(text))).canvas;
    const first = await local.engine.submit({ canvas });
    const second = await local.engine.submit({ canvas: task.si("other").canvas });
    await local.turn();
    await local.engine.cancel(first.jobId);
    await local.untilQuiet();
    expect(calls).toEqual([["other"]]);
    expect(await local.engine.job(second.jobId)).toMatchObject({ state: "success" });
    expect(await local.engine.job(first.jobId)).toMatchObject({ state: "cancelled" });
  });
  it("refuses arguments of one run without a call for it", async () => {
    const { task, calls } = index();
    const local = open([task]);
    const { jobId } = await local.engine.submit({
      canvas: { kind: "task", task: "index", each: "map", args: [["a"]], kwargs: {}, options: {}, immutable: true },
    });
    await local.untilQuiet();
    expect(calls).toEqual([]);
    const { items } = await local.engine.runs(jobId, {});
    expect(items[0]).toMatchObject({ status: "error", error: { reason: "invalid_request" } });
  });
});

describe("a run that waits for others", () => {
  it("is pending, counts in the backlog of its queue, and is not sent again by the sweeper", async () => {
    const { task, calls } = index({ bulk: { maxSeconds: 600 } });
    const local = open([task], { resendSeconds: 10, sweepSeconds: 10 });
    const { jobId } = await local.engine.submit({ canvas: group(texts(3).map((text) => task.si(text))).canvas });
    for (let k = 0; k < 6; k++) {
      await local.turn();
      local.clock.set(local.clock.now() + 1_000);
    }
    const { items } = await local.engine.runs(jobId, { status: "pending" });
    expect(items.map(({ task: name, status }) => [name, status])).toEqual(texts(3).map(() => ["index", "pending"]));
    expect(await local.engine.queues()).toContainEqual(
      expect.objectContaining({ name: "local.default#worker", backlog: 3 }),
    );
    expect((await local.engine.queues()).map(({ name }) => name)).toEqual(["engine", "local.default#worker"]);
    const counted = countPorts(local);
    for (let k = 0; k < 5; k++) {
      local.clock.set(local.clock.now() + 60_000);
      await local.engine.sweep();
      await local.turn();
    }
    expect(counted.messages["local.default#worker"]).toBe(undefined);
    expect(calls).toEqual([]);
    await local.untilQuiet();
    expect(calls.map((call) => call.toSorted())).toEqual([texts(3)]);
  });
  it("has its process to itself after one that had called it died", async () => {
    const { task, calls } = index({ bulk: { maxSeconds: 0 } });
    const local = open([task]);
    const { jobId } = await local.engine.submit({ canvas: group(texts(3).map((text) => task.si(text))).canvas });
    const dead = local.over(local, ({ runner, ...ports }) => ({
      ...ports,
      runner: { ...runner, runBulk: () => new Promise(() => undefined) },
    }));
    for (let k = 0; k < 4; k++) {
      const messages = await local.queue.receive(local.queues, 10, 30);
      const isCall = messages.some(({ body }) => (body as { kind?: string }).kind === "bulk");
      for (const message of messages) {
        const handling = (isCall ? dead : local.engine).handle(message, LocalEngine.loop);
        if (isCall) continue;
        if ((await local.passing(handling)).kind === "done") await local.queue.ack([message.id]);
      }
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
      local.clock.set(local.clock.now() + 2_000);
    }
    expect(calls).toEqual([]);
    await local.untilQuiet();
    expect(calls.map(({ length }) => length)).toEqual([1, 1, 1]);
    expect((await runsOf(local, jobId)).map(({ status }) => status)).toEqual(texts(3).map(() => "success"));
  });
});
