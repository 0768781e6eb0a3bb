import { describe, expect, it } from "vitest";
import type { EngineConfig } from "../../../functions/engine/config.ts";
import type { RunView } from "../../../functions/engine/job-views.ts";
import {
  type AnyTask,
  type BulkRun,
  type BulkTaskDefinition,
  chain,
  chord,
  defineTask,
  group,
  TaskBroken,
  TaskError,
} from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

type Text = readonly [text: string];
type Definition = Partial<BulkTaskDefinition<Text, unknown, undefined>>;
const CONFIG = { width: 8, headerCacheMs: 0, pauseCacheMs: 0, inPlaceSteps: 0 };

/** A bulk task that notes the texts of each of its calls. A call with `poison` in it throws. */
function index(more: Definition = {}) {
  const calls: string[][] = [];
  const task = defineTask({
    name: "index",
    bulk: { maxSeconds: 5 },
    run: (_ctx: unknown, runs: readonly BulkRun<Text>[]) => {
      const texts = runs.map(({ args: [text] }) => text);
      calls.push(texts);
      if (texts.some((text) => text.startsWith("poison"))) throw new TaskError("refused", { reason: "poison" });
      return runs.map(({ args: [text] }) => ({ value: text.toUpperCase() }));
    },
    ...more,
  });
  return { task, calls };
}
const open = (tasks: readonly AnyTask[], config: Partial<EngineConfig> = {}): LocalEngine =>
  new LocalEngine(tasks, { ...CONFIG, ...config });
const texts = (count: number, name = "t"): string[] => Array.from({ length: count }, (_, k) => `${name}${k}`);
async function runsOf(local: LocalEngine, jobId: string): Promise<readonly RunView[]> {
  const { items } = await local.engine.runs(jobId, { limit: 500 });
  return items.filter((run) => run.task === "index");
}
async function failCountsOf(local: LocalEngine, jobId: string): Promise<readonly (number | undefined)[]> {
  const runs = await runsOf(local, jobId);
  const items = await Promise.all(
    runs.map(({ groupId, index: at }) => {
      const [leaf, own] = [Math.floor(at / CONFIG.width), at % CONFIG.width];
      const key = { table: "tasks", partition: `G#${groupId}#${leaf}`, sort: `C#${String(own).padStart(3, "0")}#0000` } as const;
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
  it("S131 are of any jobs", async () => {
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
  it("S126 wait at most `maxSeconds`, whatever comes after them", async () => {
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
      expect(calls.filter((call) => call.includes(name)).length, name).toBeLessThanOrEqual(7);
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
    const { jobId } = await local.engine.submit({ canvas: group(["a", "lost", "b"].map((name) => task.si(name))).canvas });
    await local.untilQuiet();
    expect(sizes.toSorted()).toEqual([1, 1, 1, 2, 3].toSorted());
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

describe("the hooks of a bulk task", () => {
  function hooked(more: Definition = {}) {
    const noted: string[] = [];
    const { task } = index({
      bulk: { maxItems: 4, maxSeconds: 2 },
      run: (_ctx, runs) => {
        noted.push(`call ${runs.length}`);
        if (runs.some(({ args: [text] }) => text === "poison")) throw new Error("refused");
        return runs.map(() => ({ value: null }));
      },
      beforePass: ({ queue }) => void noted.push(`before ${queue}`),
      afterPass: () => void noted.push("after"),
      ...more,
    });
    return { task, noted };
  }
  const BEFORE = "before local.default#worker";

  it("S134 run once around all calls of a pass, also when one fails", async () => {
    const { task, noted } = hooked();
    const local = open([task]);
    const names = [...texts(5), "poison"];
    const { jobId } = await local.engine.submit({ canvas: group(names.map((name) => task.si(name))).canvas });
    await local.untilQuiet();
    expect(noted[0]).toBe(BEFORE);
    expect(noted.at(-1)).toBe("after");
    expect(noted.filter((each) => !each.startsWith("call"))).toEqual([BEFORE, "after"]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure" });
    expect(await local.store.query("tasks", "BP")).toMatchObject({ items: [] });
  });
  it("let nothing be called while `beforePass` throws", async () => {
    let ready = false;
    const { task, noted } = hooked({
      beforePass: () => {
        noted.push("before");
        if (!ready) throw new Error("not now");
      },
    });
    const local = open([task]);
    await local.engine.submit({ canvas: task.si("x").canvas });
    await expect(local.untilQuiet()).rejects.toThrow("not now");
    expect(noted).toEqual(["before"]);
    ready = true;
    await local.untilQuiet();
    expect(noted).toEqual(["before", "before", "call 1", "after"]);
  });
  it("are owed by the sweeper when the message of the end is lost", async () => {
    const { task, noted } = hooked();
    const local = open([task]);
    await local.engine.submit({ canvas: task.si("x").canvas });
    const send = local.queue.send.bind(local.queue);
    const kindOf = ({ body }: { body: unknown }): string => (body as { kind: string }).kind;
    local.queue.send = (messages) => send(messages.filter((message) => kindOf(message) !== "pass"));
    await local.untilQuiet();
    expect(noted).toEqual([BEFORE, "call 1"]);
    local.queue.send = send;
    local.clock.set(local.clock.now() + 60_000);
    await local.engine.sweep();
    await local.untilQuiet();
    expect(noted).toEqual([BEFORE, "call 1", "after"]);
  });
  it("take `afterPass` up again after it has thrown, and calls go on meanwhile", async () => {
    let fails = true;
    const { task, noted } = hooked({
      afterPass: () => {
        noted.push("after");
        if (fails) throw new Error("not yet");
      },
    });
    const local = open([task]);
    await local.engine.submit({ canvas: task.si("x").canvas });
    await expect(local.untilQuiet()).rejects.toThrow("not yet");
    await local.engine.submit({ canvas: task.si("y").canvas });
    fails = false;
    await local.untilQuiet();
    expect(noted.filter((each) => each === BEFORE)).toHaveLength(1);
    expect(noted.slice(-2)).toEqual(["call 1", "after"]);
  });
});
