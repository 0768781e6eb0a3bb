import { describe, expect, it } from "vitest";
import type { Json } from "../../functions/core/json.ts";
import { OutcomeError } from "../../functions/core/task/error-data.ts";
import type { StreamItem } from "../../functions/core/task/invocation.ts";
import { defineTask, TaskBroken, type TaskContext } from "../../functions/sdk/index.ts";
import { itemsOf, runTask } from "./calls.ts";

const child = defineTask({ name: "child", run: (_ctx, _n: number) => null });
function taskOf(run: (ctx: TaskContext) => AsyncGenerator<unknown, unknown, undefined>) {
  return defineTask({ name: "t", run });
}
async function drain(
  items: AsyncGenerator<StreamItem, Json | undefined, undefined>,
): Promise<{ items: StreamItem[]; value: Json | undefined }> {
  const read: StreamItem[] = [];
  for (let next = await items.next(); ; next = await items.next()) {
    if (next.done === true) return { items: read, value: next.value };
    read.push(next.value);
  }
}
async function failureOf(work: Promise<unknown>): Promise<OutcomeError["outcome"]> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OutcomeError);
  return (thrown as OutcomeError).outcome;
}

describe("a streaming task", () => {
  const paging = taskOf(async function* (ctx) {
    for (let page = ctx.cursor === undefined ? 0 : Number(ctx.cursor); page < 3; page++) {
      yield child.s(page);
      yield ctx.at(page + 1, child.s(page + 10).canvas);
    }
    return "done";
  });
  it("a streaming task yields canvases with their cursors, then returns its value", async () => {
    const outcome = await runTask(paging);
    expect(outcome).toMatchObject({ kind: "stream", policy: "settled" });
    const { items, value } = await drain(itemsOf(outcome));
    expect(value).toBe("done");
    expect(items).toHaveLength(6);
    expect(items[1]).toEqual({ canvas: child.s(10).canvas, cursor: 1 });
    expect(items[2]).toEqual({ canvas: child.s(1).canvas });
  });
  it("a streaming task continues after the cursor that it receives", async () => {
    expect((await drain(itemsOf(await runTask(paging, [], { cursor: 2 })))).items).toHaveLength(2);
  });
  it("a streaming task is pulled on demand, and without a return value takes its children's results", async () => {
    let pulled = 0;
    const endless = taskOf(async function* () {
      while (pulled < 1_000_000) {
        pulled++;
        yield child.s(pulled);
      }
    });
    const items = itemsOf(await runTask(endless));
    await items.next();
    await items.next();
    expect(pulled).toBe(2);
    expect(await drain(itemsOf(await runTask(taskOf(async function* () {}))))).toEqual({ items: [], value: undefined });
  });
  it("a streaming task may return any async iterable, even in a promise", async () => {
    const task = defineTask({
      name: "t",
      policy: "failFast",
      run: async () => ({
        [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true as const, value: undefined }) }),
      }),
    });
    const outcome = await runTask(task);
    expect(outcome).toMatchObject({ kind: "stream", policy: "failFast" });
    expect((await drain(itemsOf(outcome))).items).toEqual([]);
  });

  it.each<[string, (ctx: TaskContext) => AsyncGenerator<unknown, unknown, undefined>, object]>([
    [
      "throws",
      async function* () {
        yield child.s(1);
        throw new RangeError("far");
      },
      { kind: "failed", error: { name: "RangeError" } },
    ],
    [
      "is broken",
      async function* () {
        yield child.s(1);
        throw new TaskBroken("never");
      },
      { kind: "broken", error: { message: "never" } },
    ],
    [
      "asks to be retried",
      async function* (ctx) {
        yield child.s(1);
        ctx.retry({ delaySeconds: 5 });
      },
      { kind: "retry", delaySeconds: 5 },
    ],
    [
      "counts",
      async function* (ctx) {
        yield child.s(1);
        ctx.count("n");
      },
      { kind: "failed", error: { reason: "invalid_request" } },
    ],
    [
      "yields a task",
      async function* () {
        yield child.s(1);
        yield child;
      },
      { kind: "failed", error: { reason: "invalid_canvas" } },
    ],
    [
      "yields nothing",
      async function* () {
        yield child.s(1);
        yield undefined;
      },
      { kind: "failed", error: { reason: "invalid_canvas" } },
    ],
    [
      "has a cursor that is not JSON",
      async function* (ctx) {
        yield child.s(1);
        yield ctx.at(1n as never, child.s(2));
      },
      { kind: "failed", error: { reason: "invalid_json" } },
    ],
    [
      "returns what is not JSON",
      async function* () {
        yield child.s(1);
        return 1n;
      },
      { kind: "failed", error: { reason: "invalid_json" } },
    ],
  ])("a streaming task that %s ends with an outcome after its last item", async (_title, run, outcome) => {
    const items = itemsOf(await runTask(taskOf(run)));
    expect(await items.next()).toMatchObject({ done: false });
    expect(await failureOf(items.next())).toMatchObject(outcome);
  });

  it("a streaming task that ignores its signal is abandoned", async () => {
    const controller = new AbortController();
    let cleaned = false;
    const stuck = taskOf(async function* () {
      try {
        yield child.s(1);
        await new Promise(() => {});
      } finally {
        cleaned = true;
      }
    });
    const items = itemsOf(await runTask(stuck, [], { signal: controller.signal }));
    await items.next();
    const failure = failureOf(items.next());
    controller.abort(Object.assign(new Error("gone"), { reason: "lease_lost" }));
    expect(await failure).toMatchObject({ kind: "failed", error: { reason: "lease_lost" } });
    expect(cleaned).toBe(false);
  });
  it("a streaming task cleans up when its reader stops early, whatever the clean-up throws", async () => {
    let cleaned = 0;
    const open = taskOf(async function* () {
      try {
        yield child.s(1);
      } finally {
        cleaned++;
        // oxlint-disable-next-line no-unsafe-finally
        throw new Error("cannot close");
      }
    });
    const items = itemsOf(await runTask(open));
    await items.next();
    await items.return(undefined);
    expect(cleaned).toBe(1);
  });
});
