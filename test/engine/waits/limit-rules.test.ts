import { describe, expect, it } from "vitest";
import type { FanfoldError } from "../../../functions/core/errors.ts";
import {
  type AnyTask,
  type CanvasBuilder,
  chain,
  defineStateMachineTask,
  defineTask,
  type LimitSettings,
} from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";
import { endAll, go, limited, same, submit } from "./limited-runs.ts";

describe("what limits cost, and how they are shown", () => {
  it("a run that waits says for what, and the lists of locks say who holds and who waits", async () => {
    const { floor, work, local } = limited({
      locks: [{ key: "file" }],
      concurrency: { limit: 3 },
      rateLimit: { per: 60, limit: 9 },
    });
    const [first, second] = [await submit(local, work.s("a")), await submit(local, work.s("b"))];
    await go(local);
    const [held, waits] = floor.started[0] === "a" ? [first, second] : [second, first];
    expect(await local.engine.run(`${waits}.0`)).toMatchObject({
      status: "deferred",
      attempt: 0,
      unmet: [{ of: "lock", name: "file" }],
    });
    const { items } = await local.engine.locks({});
    expect(items).toMatchObject([
      {
        kind: "lock",
        key: "file",
        holders: [{ runId: `${held}.0`, attempt: 1, mode: "write", task: "work" }],
        waiters: [{ runId: `${waits}.0`, mode: "write", task: "work" }],
        waiting: 1,
      },
      { kind: "concurrency", key: "work", limit: 3, holders: [{ runId: `${held}.0` }], waiting: 0 },
      { kind: "rate", key: "work", per: 60, limit: 9, started: 1 },
    ]);
    expect((await local.engine.locks({ key: "file" })).items).toEqual([items[0]]);
    const page = await local.engine.locks({ limit: 1 });
    expect(page).toMatchObject({ items: [{ key: "file" }], cursor: expect.any(String) as string });
    expect((await local.engine.locks({ cursor: page.cursor as string })).items).toEqual(items.slice(1));
    await expect(local.engine.locks({ cursor: "no" })).rejects.toThrow(/cursor/);
    await endAll(local, floor);
    expect((await local.engine.locks({})).items).toMatchObject([{ kind: "rate" }]);
  });
  it.each<readonly [string, LimitSettings, number]>([
    ["a concurrency limit", { concurrency: { limit: 5 } }, 2],
    ["two locks", { locks: [{ key: "a" }, { key: "b", mode: "read" }] }, 4],
    ["a rate", { rateLimit: { per: 60, limit: 1_000 } }, 1],
  ])("%s writes what the plan says, when nobody has to wait", async (_name, limits, more) => {
    const task = defineTask({ name: "limited", ...limits, run: () => null });
    const plain = defineTask({ name: "plain", run: () => null });
    const local = new LocalEngine([task, plain]);
    // The first run notes each limit in the list of those in use.
    await submit(local, task.s());
    await local.untilQuiet();
    const counted = countPorts(local);
    await submit(local, chain(task.si(), task.si(), task.si()));
    await local.untilQuiet();
    const estimate = (of: AnyTask & { si(): CanvasBuilder }) =>
      local.engine.estimate({ canvas: chain(of.si(), of.si(), of.si()).canvas });
    const { total: _total, ...planned } = estimate(task).writeUnits;
    expect(counted.writes).toEqual(planned);
    expect(estimate(task).writeUnits.total - estimate(plain).writeUnits.total).toBe(3 * more);
    expect(estimate(task).notes).toEqual([expect.stringContaining("limits")]);
  });
});

describe("limits that cannot hold are refused", () => {
  const refused = (make: () => unknown): Promise<FanfoldError["details"] | undefined> =>
    Promise.resolve()
      .then(make)
      .then(
        () => undefined,
        (error: unknown) => (error as FanfoldError).details,
      );
  it.each<readonly [field: string, limits: unknown]>([
    ["/rateLimit/per", { rateLimit: { per: 0.5, limit: 1 } }],
    ["/rateLimit/limit", { rateLimit: { per: 1 } }],
    ["/rateLimit/every", { rateLimit: { per: 1, limit: 1, every: 1 } }],
    ["/concurrency", { concurrency: 3 }],
    ["/concurrency/limit", { concurrency: { limit: 1_001 } }],
    ["/concurrency/key", { concurrency: { limit: 1, key: "" } }],
    ["/locks", { locks: { key: "a" } }],
    ["/locks/0/key", { locks: [{ mode: "read" }] }],
    ["/locks/1/mode", { locks: [{ key: "a" }, { key: "b", mode: "shared" }] }],
    ["/locks", { locks: Array.from({ length: 9 }, (_, k) => ({ key: `${k}` })) }],
  ])("D077 a task with a wrong %s is refused", async (field, limits) => {
    const settings = limits as LimitSettings;
    expect(await refused(() => defineTask({ name: "t", ...settings, run: () => 1 }))).toMatchObject({ field });
    const options = limits as object;
    const local = new LocalEngine([same]);
    const asOption = await refused(() => local.engine.submit({ canvas: same.signature([], {}, options).canvas }));
    expect(asOption).toMatchObject({ field: expect.stringContaining(field) as string });
  });
  it("a run that calls its task for each item of a list, and a state machine, take no limits", async () => {
    const task = defineTask({ name: "limited", concurrency: { limit: 1 }, run: (_ctx, n: number) => n });
    const machine = defineStateMachineTask({ name: "machine", stateMachine: "encode" });
    const local = new LocalEngine([task, machine, same]);
    const field = { field: expect.stringContaining("/options/concurrency") as string };
    expect(await refused(() => submit(local, task.map([1, 2])))).toMatchObject(field);
    expect(await refused(() => submit(local, task.chunks([[1], [2]], 1)))).toMatchObject(field);
    const option = { concurrency: { limit: 1 } };
    expect(await refused(() => submit(local, machine.signature([], {}, option)))).toMatchObject(field);
  });
  it("a signature whose run others may share sets no limits, and its task may", async () => {
    const shared = defineTask({
      name: "shared",
      dedupe: "forever",
      concurrency: { limit: 1 },
      run: (_ctx, n: number) => n,
    });
    const local = new LocalEngine([shared, same]);
    const options = { dedupe: "running", locks: [{ key: "a" }] } as const;
    expect(await refused(() => submit(local, same.signature([1], {}, options)))).toMatchObject({
      field: expect.stringContaining("/options/locks") as string,
    });
    const rate = { rateLimit: { per: 1, limit: 1 } };
    expect(await refused(() => submit(local, shared.signature([1], {}, rate)))).toMatchObject({
      field: expect.stringContaining("/options/rateLimit") as string,
    });
    expect(await refused(() => submit(local, shared.s(1)))).toBeUndefined();
  });
  it("a key that cannot be made fails the run, and holds nothing", async () => {
    const task = defineTask({
      name: "limited",
      locks: [{ key: (_ctx, name: string) => name }],
      retry: { maxAttempts: 5 },
      run: (_ctx, _name: string) => 1,
    });
    const throws = defineTask({
      name: "throws",
      locks: [
        {
          key: () => {
            throw new Error("no tenant");
          },
        },
      ],
      run: () => 1,
    });
    const local = new LocalEngine([task, throws]);
    const empty = await submit(local, task.s(""));
    const thrown = await submit(local, throws.s());
    await local.untilQuiet();
    for (const [jobId, message] of [
      [empty, /must not be empty/],
      [thrown, /no tenant/],
    ] as const) {
      const run = await local.engine.run(`${jobId}.0`);
      expect(run).toMatchObject({ status: "error", attempt: 1, error: { reason: "invalid_limit_key" } });
      expect(run?.error?.message).toMatch(message);
    }
    expect((await local.engine.locks({})).items).toEqual([]);
  });
});
