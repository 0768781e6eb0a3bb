import { describe, expect, it } from "vitest";
import type { Tracking } from "../../../functions/core/canvas/canvas.ts";
import { chain, chord, defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { add, noop, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";
import { untilExpanded } from "../scripted-faults.ts";

let executed: string[] = [];
const echo = defineTask({
  name: "echo",
  run: (ctx, value: unknown) => {
    executed.push(ctx.runId);
    return value;
  },
});
const odd = defineTask({
  name: "odd",
  retry: { maxAttempts: 2, initialDelaySeconds: 1 },
  run: (ctx, n: number) => {
    if (n % 10 === 3) throw new TaskError(`${n} is odd`, { retryable: false });
    if (n % 10 === 5 && ctx.attempt === 1) throw new Error("once");
    if (n % 10 === 7) return ctx.skip(-n);
    return n;
  },
});
const parent = defineTask({
  name: "parent",
  run: (ctx) => {
    ctx.spawn(noop.s());
  },
});
const light = defineTask({ name: "light", tracking: "ledger", run: (_ctx, n: number) => n });
const tasks = [add, noop, sum, echo, odd, parent, light];
const THIN = ["result", "ledger"] as const;

const headers = (local: LocalEngine, jobId: string) =>
  local.engine.runs(jobId, {}).then(({ items }) => items.filter(({ groupId }) => groupId !== jobId));
async function resultsOf(local: LocalEngine, jobId: string): Promise<unknown[]> {
  const results: unknown[] = [];
  for await (const { value, error } of local.engine.results(jobId))
    results.push(error ? { error: error.reason ?? error.message } : (value ?? null));
  return results;
}

describe("work budgets: write units and messages per member", () => {
  it.each([
    ["full", 3.2, {}],
    ["lazy", 2.2, {}],
    ["result", 1.2, {}],
    ["ledger", 0.05, { membersPerMessage: 32 }],
  ] as const)("tracking %s costs less than %f write units for each member", async (tracking, budget, config) => {
    const local = new LocalEngine(tasks, config);
    const members = 4_000;
    const header = group(
      Array.from({ length: members }, () => noop.s()),
      { tracking },
    );
    const { jobId } = await local.engine.submit({ canvas: chord(header, noop.si()).canvas });
    let messages = 0;
    const send = local.queue.send.bind(local.queue);
    local.queue.send = (sent) => {
      messages += sent.length;
      return send(sent);
    };
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: members + 1 } });
    expect(local.store.stats().writeUnits / members).toBeLessThan(budget);
    // Each message is sent, received and deleted, ten to a request each time.
    expect((3 * messages) / 10 / members).toBeLessThanOrEqual(0.04);
  });
});

describe("groups that track less than a row for each member", () => {
  it.each(THIN)(
    "results of a group tracked %s are complete and in order, and the body is given them",
    async (tracking) => {
      const local = new LocalEngine(tasks, { width: 8 });
      const values = Array.from({ length: 100 }, (_, n) => n);
      const { jobId } = await local.engine.submit({
        canvas: group(
          values.map((n) => add.s(n, 1)),
          { tracking },
        ).canvas,
      });
      const summed = await local.engine.submit({
        canvas: chord(
          group(
            values.map((n) => add.s(n, 1)),
            { tracking },
          ),
          sum.s(),
        ).canvas,
      });
      await local.untilQuiet();
      expect(await resultsOf(local, jobId)).toEqual(values.map((n) => n + 1));
      expect(await local.engine.job(summed.jobId)).toMatchObject({
        state: "success",
        value: 5_050,
        counts: { success: 101 },
        countsExact: true,
      });
    },
  );
  it("a member that simply succeeds has no row at level ledger, and one at level result", async () => {
    const local = new LocalEngine(tasks, { width: 8 });
    const started = await Promise.all(
      THIN.map((tracking) => local.engine.submit({ canvas: group([noop.s(), noop.s()], { tracking }).canvas })),
    );
    await local.untilQuiet();
    const rows = await Promise.all(started.map(({ jobId }) => headers(local, jobId)));
    expect(rows.map((each) => each.length)).toEqual([2, 0]);
  });
  it.each(THIN)(
    "failures, retries and skips at level %s are what they are elsewhere, and only they have run again",
    async (tracking) => {
      const local = new LocalEngine(tasks, { width: 8 });
      const members = Array.from({ length: 30 }, (_, n) => odd.s(n));
      const { jobId } = await local.engine.submit({ canvas: group(members, { tracking, policy: "settled" }).canvas });
      await local.untilQuiet();
      const { items } = await local.engine.runs(jobId, { status: "error" });
      expect(items.filter(({ task }) => task === "odd").map(({ index, attempt }) => [index, attempt])).toEqual(
        [3, 13, 23].map((index) => [index, 1]),
      );
      expect(await local.engine.job(jobId)).toMatchObject({
        state: "failure",
        counts: { success: 24, error: 3, skipped: 3 },
      });
      expect((await resultsOf(local, jobId))[5]).toBe(5);
      expect((await resultsOf(local, jobId))[7]).toBe(-7);
      expect((await resultsOf(local, jobId))[3]).toEqual({ error: "3 is odd" });
    },
  );
  it.each(THIN)(
    "a message that comes again at level %s runs nothing that has ended, and finishes what its first delivery left",
    async (tracking) => {
      executed = [];
      const local = new LocalEngine(tasks, { width: 8 });
      const { jobId } = await local.engine.submit({
        canvas: group([echo.s("a"), echo.s("b"), echo.s("c")], { tracking }).canvas,
      });
      const body = { v: 1, kind: "members", gid: `${jobId}.0.g`, step: 0, members: [0, 1, 2] };
      await local.untilQuiet();
      await local.engine.handle({ queue: "local.default#worker", body, receives: 2 }, LocalEngine.loop);
      expect(executed.length).toBe(3);
      expect(await resultsOf(local, jobId)).toEqual(["a", "b", "c"]);
      expect((await local.engine.job(jobId))?.counts).toMatchObject({ success: 3 });
    },
  );
  it.each(THIN)("one of two executions of a member counts at level %s", async (tracking) => {
    executed = [];
    const local = new LocalEngine(tasks, { width: 8 });
    const { jobId } = await local.engine.submit({ canvas: group([echo.s("a"), echo.s("b")], { tracking }).canvas });
    const body = { v: 1, kind: "members", gid: `${jobId}.0.g`, step: 0, members: [0, 1] };
    await untilExpanded(local, jobId);
    const message = { queue: "local.default#worker", body, receives: 1 };
    await Promise.all([
      local.engine.handle(message, LocalEngine.loop),
      local.engine.handle(message, LocalEngine.loop),
      local.untilQuiet(),
    ]);
    await local.untilQuiet();
    expect(executed.length).toBeGreaterThan(2);
    expect(await resultsOf(local, jobId)).toEqual(["a", "b"]);
    expect((await local.engine.job(jobId))?.counts).toMatchObject({ success: 2 });
  });
  it.each(THIN)("a member at level %s has no children", async (tracking) => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: group([parent.s()], { tracking }).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "tracking_too_thin" } });
  });
  it.each(THIN)(
    "members of a group tracked %s that are chains, or begin later, are tracked as elsewhere",
    async (tracking) => {
      const local = new LocalEngine(tasks);
      const members = [chain(add.s(1, 1), add.s(2)), add.s(1, 4).set({ countdown: 30 }), add.s(1, 5)];
      const { jobId } = await local.engine.submit({ canvas: group(members, { tracking }).canvas });
      await local.untilQuiet();
      expect(await resultsOf(local, jobId)).toEqual([4, 5, 6]);
    },
  );
  it("a task that declares its level gives it to groups that are all of such tasks", async () => {
    const local = new LocalEngine(tasks);
    const rows = async (members: Parameters<typeof group>[0], tracking?: Tracking): Promise<number> => {
      const { jobId } = await local.engine.submit({ canvas: group(members, tracking && { tracking }).canvas });
      await local.untilQuiet();
      return (await headers(local, jobId)).length;
    };
    expect(await rows([light.s(1), light.s(2)])).toBe(0);
    expect(await rows([light.s(1), add.s(1, 1)])).toBe(2);
    expect(await rows([light.s(1), light.s(2)], "lazy")).toBe(2);
  });
});

describe("the one step that follows", () => {
  it("the one step that follows runs in place: a chain needs one message, up to the bound of steps", async () => {
    const sent = async (steps: number): Promise<number> => {
      const local = new LocalEngine(tasks);
      let messages = 0;
      const send = local.queue.send.bind(local.queue);
      local.queue.send = (list) => {
        messages += list.length;
        return send(list);
      };
      const { jobId } = await local.engine.submit({
        canvas: chain(add.s(0, 0), ...Array.from({ length: steps - 1 }, () => add.s(1))).canvas,
      });
      await local.untilQuiet();
      expect(await local.engine.job(jobId)).toMatchObject({
        state: "success",
        value: steps - 1,
        counts: { success: steps },
      });
      return messages;
    };
    expect(await sent(40)).toBe(1);
    expect(await sent(120)).toBe(3);
  });
  it("the one step that follows goes through its queue when that is another one, or when it has a start time", async () => {
    const local = new LocalEngine(tasks, {}, { queues: ["engine", "local.default#worker", "local.other#worker"] });
    const { jobId } = await local.engine.submit({
      canvas: chain(add.s(1, 1), add.s(1).set({ queue: "other" }), add.s(1).set({ countdown: 5 })).canvas,
    });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 4 });
    expect(local.clock.now()).toBeGreaterThan(5_000);
  });
  it("what follows a failed attempt in place is retried like any other run", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: chain(add.s(2, 3), odd.s()).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 5, counts: { success: 2 } });
  });
});
