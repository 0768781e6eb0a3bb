import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { definePathTask, FileActionStatus } from "../../functions/paths/index.ts";
import { type BulkRun, chord, currentQueue, defineResource, defineTask, group } from "../../functions/sdk/index.ts";
import { ResourcePool } from "../../functions/sdk/resource-pool.ts";
import { runTask, TestEngine } from "../../functions/testing/index.ts";

/** A resource that notes what happens to it. */
function database(name = "orders") {
  const events: string[] = [];
  const resource = defineResource({
    name,
    open: async () => {
      events.push(`open ${name}`);
      return { rows: [3, 4], query: (n: number) => n * 10 };
    },
    close: ({ rows }) => void events.push(`close ${name} of ${rows.length}`),
  });
  return { resource, events };
}
const failures = (): { readonly seen: unknown[][]; readonly note: (...given: unknown[]) => void } => {
  const seen: unknown[][] = [];
  return { seen, note: (...given) => void seen.push(given) };
};

describe("a resource", () => {
  it("D046 is opened once for all runs of every kind of task, and closed at the end", async () => {
    const { resource, events } = database();
    const plain = defineTask({ name: "plain", run: async (ctx, n: number) => (await ctx.use(resource)).query(n) });
    const each = defineTask({
      name: "each",
      run: async function* ({ use }) {
        for (const row of (await use(resource)).rows) yield plain.s(row);
      },
    });
    const bulk = defineTask({
      name: "bulk",
      bulk: { maxSeconds: 1 },
      run: async (ctx, runs: readonly BulkRun<readonly [n: number]>[]) => {
        const db = await ctx.use(resource);
        return runs.map(({ args: [n] }) => ({ value: db.query(n) }));
      },
      beforePass: async (ctx) => events.push(`before ${(await ctx.use(resource)).query(1)}`),
      afterPass: async (ctx) => events.push(`after ${(await ctx.use(resource)).query(1)}`),
    });
    const files = definePathTask({
      name: "files",
      run: async (ctx, { jobid, paths }) => {
        const { query } = await ctx.use(resource);
        const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
        for (const { path } of paths) status.add("processed", `${path}.${query(1)}`);
        return status.dump();
      },
    });
    const sum = defineTask({ name: "sum", run: (_ctx, all: unknown[]) => all.length });
    const engine = new TestEngine({ tasks: { plain, each, bulk, files, sum } });
    expect(await engine.run(chord(group([plain.s(1), plain.s(2)]), sum.s()))).toBe(2);
    expect(await engine.run(each.s())).toEqual([30, 40]);
    expect(await engine.run(group([bulk.s(1), bulk.s(2)]))).toEqual([10, 20]);
    expect(await engine.run(plain.map([5, 6]))).toEqual([50, 60]);
    const item = { path: "/a" };
    expect(await engine.run(files.signature([], { jobid: "1", paths: [item] }))).toMatchObject({
      status: { details: { processed: [{ path: "/a.10" }] } },
    });
    await engine.advance(60);
    expect(events).toEqual(["open orders", "before 10", "after 10"]);
    await engine.close();
    expect(events.at(-1)).toBe("close orders of 2");
  });
  it("has the type that it opens", () => {
    const { resource } = database();
    defineTask({
      name: "typed",
      run: async (ctx) => {
        expectTypeOf(await ctx.use(resource)).toEqualTypeOf<{ rows: number[]; query: (n: number) => number }>();
      },
    });
  });
  it("is replaced by a fake in a test", async () => {
    const { resource, events } = database();
    const ask = defineTask({ name: "ask", run: async (ctx, n: number) => (await ctx.use(resource)).query(n) });
    const fake = { query: () => 99 };
    const engine = new TestEngine({ tasks: { ask }, resources: [[resource, fake]] });
    expect(await engine.run(ask.s(1))).toBe(99);
    expect((await runTask(ask, [1], { resources: [[resource, fake]] })).value).toBe(99);
    await engine.close();
    expect(events).toEqual([]);
    expect((await runTask(ask, [1])).value).toBe(10);
    expect(events).toEqual(["open orders", "close orders of 2"]);
  });
  it("fails the attempt as retryable when it cannot be opened, and is opened anew by the next one", async () => {
    let opened = 0;
    const resource = defineResource({
      name: "search",
      open: () => {
        if (++opened < 3) throw new Error("no such host");
        return opened;
      },
    });
    const ask = defineTask({ name: "ask", retry: { maxAttempts: 3 }, run: (ctx) => ctx.use(resource) });
    const engine = new TestEngine({ tasks: { ask } });
    expect(await engine.run(ask.s())).toBe(3);
    expect(engine.attemptsOf(ask)[0]?.error).toMatchObject({
      name: "FanfoldError",
      reason: "resource_unavailable",
      message: "search cannot be opened: no such host",
      retryable: true,
      details: { resource: "search" },
      cause: { message: "no such host" },
    });
  });
  it("may use others, which are closed after it", async () => {
    const settings = database("settings");
    const events = settings.events;
    const resource = defineResource({
      name: "store",
      open: async ({ use }) => ({ rows: (await use(settings.resource)).rows }),
      close: () => void events.push("close store"),
    });
    const { value } = await runTask(defineTask({ name: "t", run: async (ctx) => (await ctx.use(resource)).rows }));
    expect(value).toEqual([3, 4]);
    expect(events).toEqual(["open settings", "close store", "close settings of 2"]);
  });
  it("is refused in a circle", async () => {
    const names: { one?: ReturnType<typeof database>["resource"] } = {};
    const two = defineResource({ name: "two", open: ({ use }) => use(names.one as never) });
    names.one = defineResource({ name: "one", open: ({ use }) => use(two) }) as never;
    const { error } = await runTask(defineTask({ name: "t", run: (ctx) => ctx.use(two) }));
    expect(error).toMatchObject({ reason: "invalid_request", retryable: false });
    expect(error?.message).toContain("two -> one -> two");
  });
  it("refuses what it cannot be", async () => {
    const wrong = (definition: object) => () => defineResource(definition as never);
    expect(wrong({ open: 1 })).toThrow(expect.objectContaining({ details: { field: "/open" } }));
    expect(wrong({ open: () => 1, close: 1 })).toThrow(expect.objectContaining({ details: { field: "/close" } }));
    expect(wrong({ open: () => 1, name: "" })).toThrow(expect.objectContaining({ details: { field: "/name" } }));
    expect(wrong({ open: () => 1, pool: 3 })).toThrow(expect.objectContaining({ details: { field: "/pool" } }));
    const { error } = await runTask(defineTask({ name: "t", run: (ctx) => ctx.use({} as never) }));
    expect(error).toMatchObject({ reason: "invalid_request", details: { field: "/resource" } });
  });
});

describe("the resources of a process", () => {
  const context = { use: () => Promise.reject(new Error("unused")), secret: async () => "unused" };
  it("are closed by the last engine that lets go, the last opened first", async () => {
    const pool = new ResourcePool();
    const [one, two] = [database("one"), database("two")];
    const [first, second] = [pool.hold(), pool.hold()];
    await pool.use(one.resource, context);
    await pool.use(two.resource, context);
    const { seen, note } = failures();
    await first(note);
    await first(note);
    expect([...one.events, ...two.events]).toEqual(["open one", "open two"]);
    await second(note);
    expect([...two.events, ...one.events]).toEqual(["open two", "close two of 2", "open one", "close one of 2"]);
    expect(seen).toEqual([]);
    await pool.use(one.resource, context);
    expect(one.events).toEqual(["open one", "close one of 2", "open one"]);
  });
  it("are closed although one of them cannot be", async () => {
    const pool = new ResourcePool();
    const bad = defineResource({
      name: "bad",
      open: () => 1,
      close: () => {
        throw new Error("stuck");
      },
    });
    const good = database("good");
    await pool.use(good.resource, context);
    await pool.use(bad, context);
    const { seen, note } = failures();
    await pool.close(note);
    expect(seen).toEqual([["bad", new Error("stuck")]]);
    expect(good.events).toEqual(["open good", "close good of 2"]);
  });
  it("are closed when they open after the process let go of them", async () => {
    const pool = new ResourcePool();
    let arrive = (_value: number): void => undefined;
    const closed: number[] = [];
    const slow = defineResource({
      name: "slow",
      open: () => new Promise<number>((resolve) => (arrive = resolve)),
      close: (value) => void closed.push(value),
    });
    const using = pool.use(slow, context);
    await pool.close(() => undefined);
    arrive(7);
    await expect(using).rejects.toMatchObject({ code: "resource_unavailable", retryable: true });
    expect(closed).toEqual([7]);
  });
  it("give up an opening that takes longer than a minute, and close what comes of it", async () => {
    vi.useFakeTimers();
    try {
      const pool = new ResourcePool();
      let arrive = (_value: number): void => undefined;
      const closed: number[] = [];
      const slow = defineResource({
        name: "slow",
        open: () => new Promise<number>((resolve) => (arrive = resolve)),
        close: (value) => void closed.push(value),
      });
      const using = pool.use(slow, context).catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await using).toMatchObject({ code: "resource_unavailable" });
      arrive(1);
      await vi.advanceTimersByTimeAsync(0);
      expect(closed).toEqual([1]);
      const again = pool.use(slow, context);
      await vi.advanceTimersByTimeAsync(0);
      arrive(2);
      expect(await again).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
