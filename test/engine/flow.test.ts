import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { defineTask } from "../../functions/sdk/index.ts";
import { add, fail, sum } from "../../functions/tasks/examples.ts";
import { LocalEngine } from "./local-engine.ts";

const same = defineTask({ name: "same", run: (_ctx, value: unknown) => value });
const told = defineTask({
  name: "told",
  run: (_ctx, _request: unknown, error: { name: string; reason?: string }) => `${error.name} ${error.reason}`,
});
const tasks = [add, sum, fail, same, told];
const number = (value: number) => ({ task: "same", args: [value] });
const plus = (value: number) => ({ task: "math.add", args: [value] });

async function started(wire: unknown): Promise<{ local: LocalEngine; jobId: string }> {
  const local = new LocalEngine(tasks, { width: 4 });
  const { jobId } = await local.engine.submit({ canvas: parseCanvas(wire) });
  for (let turn = 0; turn < 8; turn++) await local.turn();
  return { local, jobId };
}
async function ended(wire: unknown) {
  const { local, jobId } = await started(wire);
  await local.untilQuiet();
  return local.engine.job(jobId);
}
/** Lets time pass, and sweeps. */
async function pass(local: LocalEngine, seconds: number): Promise<void> {
  local.clock.set(local.clock.now() + seconds * 1_000);
  await local.engine.sweep();
  await local.untilQuiet();
}

describe("when", () => {
  const branch = (value: number, more: object = {}) => ({
    chain: [
      number(value),
      {
        when: { condition: { is: "gt", value: 10 }, do: { chain: [plus(1), plus(1)] }, otherwise: plus(100), ...more },
      },
      plus(0),
    ],
  });
  it("a branch goes one way or the other, with the value, and the chain goes on", async () => {
    expect(await ended(branch(20))).toMatchObject({
      state: "success",
      value: 22,
      counts: { success: 4 },
      countsExact: true,
    });
    expect(await ended(branch(1))).toMatchObject({ state: "success", value: 101, counts: { success: 3 } });
  });
  it("a branch without another way hands the value on", async () => {
    expect(
      await ended({ chain: [number(1), { when: { condition: { is: "gt", value: 10 }, do: plus(1) } }, plus(5)] }),
    ).toMatchObject({ value: 6 });
  });
  it("a branch asks about the results of a group, and takes groups as ways", async () => {
    const group = { group: [number(1), { task: "fail" }], options: { policy: "settled" } };
    const when = {
      condition: { is: "gt", value: 0, path: "/failed" },
      do: { task: "same", args: ["some failed"], immutable: true },
    };
    expect(await ended({ chain: [group, { when }] })).toMatchObject({ value: "some failed" });
    const ways = { when: { condition: { is: "truthy" }, do: { group: [plus(1), plus(2)] } } };
    expect(await ended({ chain: [number(1), ways, { task: "math.sum" }] })).toMatchObject({ value: 5 });
  });
  it("a branch fails when its way fails, and calls its links", async () => {
    const wire = {
      chain: [
        number(1),
        { when: { condition: { is: "truthy" }, do: { task: "fail" } }, link_error: [{ task: "told" }] },
      ],
    };
    expect(await ended(wire)).toMatchObject({
      state: "failure",
      error: { name: "TaskError" },
      counts: { error: 1, success: 2 },
    });
  });
});

describe("repeat", () => {
  const loop = (most: number, more: object = {}) => ({
    chain: [
      number(0),
      { repeat: { body: { chain: [plus(1), plus(2)] }, until: { is: "ge", value: 7 }, most }, ...more },
      plus(100),
    ],
  });
  it("a loop runs its body until the value is as wanted", async () => {
    expect(await ended(loop(10))).toMatchObject({
      state: "success",
      value: 109,
      counts: { success: 8 },
      countsExact: true,
    });
  });
  it("a loop fails at its bound, and says so", async () => {
    const job = await ended(loop(2, { link_error: [{ task: "told" }] }));
    expect(job).toMatchObject({ state: "failure", error: { name: "RepeatLimit", reason: "repeat_limit" } });
  });
  it("a loop repeats groups and branches", async () => {
    const body = {
      chain: [
        { group: [plus(1), plus(1)] },
        { task: "math.sum" },
        { when: { condition: { is: "lt", value: 5 }, do: plus(1) } },
      ],
    };
    // 0 -> [1, 1] -> 2 -> 3; 3 -> [4, 4] -> 8
    expect(
      await ended({ chain: [number(0), { repeat: { body, until: { is: "gt", value: 7 }, most: 5 } }] }),
    ).toMatchObject({ state: "success", value: 8 });
  });
});

describe("an approval", () => {
  const wire = { chain: [number(1), { approval: { name: "go-live", expires: 600 } }, { task: "same" }] };
  it("an approval waits for its token, and gives what it was given", async () => {
    const { local, jobId } = await started(wire);
    const run = await local.engine.run(`${jobId}.0~1`);
    expect(run).toMatchObject({ status: "waiting", wait: { of: "approval", name: "go-live" } });
    const token = run?.wait?.token ?? "";
    await expect(local.engine.complete(`${jobId}.0~1`, "guessed", { value: 1 })).rejects.toMatchObject({
      code: "wrong_token",
    });
    await expect(local.engine.complete(`${jobId}.0`, token, { value: 1 })).rejects.toMatchObject({
      code: "run_not_found",
    });
    expect(await local.engine.complete(`${jobId}.0~1`, token, { value: { by: "Ann" } })).toBe(true);
    expect(await local.engine.complete(`${jobId}.0~1`, token, { value: { by: "Bob" } })).toBe(false);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: { by: "Ann" } });
  });
  it("an approval is refused by an error, and a large answer is kept apart", async () => {
    const { local, jobId } = await started(wire);
    const token = (await local.engine.run(`${jobId}.0~1`))?.wait?.token ?? "";
    await local.engine.complete(`${jobId}.0~1`, token, { error: { name: "Refused", message: "not on a Friday" } });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "failure",
      error: { name: "Refused", runId: `${jobId}.0~1` },
      counts: { error: 1, success: 1 },
    });
    const large = await started(wire);
    const text = "x".repeat(10_000);
    await large.local.engine.complete(
      `${large.jobId}.0~1`,
      (await large.local.engine.run(`${large.jobId}.0~1`))?.wait?.token ?? "",
      { value: text },
    );
    await large.local.untilQuiet();
    expect(await large.local.engine.job(large.jobId)).toMatchObject({ state: "success", value: text });
  });
  it("an approval expires, can be revoked, and ends when its job is cancelled", async () => {
    const expired = await started({ approval: { name: "a", expires: 600 }, link_error: [{ task: "told" }] });
    await pass(expired.local, 300);
    expect(await expired.local.engine.job(expired.jobId)).toMatchObject({ state: "started" });
    await pass(expired.local, 400);
    expect(await expired.local.engine.job(expired.jobId)).toMatchObject({
      state: "failure",
      error: { reason: "expired" },
      counts: { cancelled: 1, u_expired: 1, success: 1 },
    });
    const revoked = await started(wire);
    expect(await revoked.local.engine.revoke(`${revoked.jobId}.0~1`)).toBe(true);
    await revoked.local.untilQuiet();
    expect(await revoked.local.engine.job(revoked.jobId)).toMatchObject({
      state: "failure",
      error: { reason: "revoked" },
    });
    const cancelled = await started(wire);
    const token = (await cancelled.local.engine.run(`${cancelled.jobId}.0~1`))?.wait?.token ?? "";
    await cancelled.local.engine.cancel(cancelled.jobId);
    await cancelled.local.untilQuiet();
    await pass(cancelled.local, 100);
    expect(await cancelled.local.engine.job(cancelled.jobId)).toMatchObject({ state: "cancelled" });
    expect(await cancelled.local.engine.complete(`${cancelled.jobId}.0~1`, token, { value: 1 })).toBe(false);
  });
});

describe("an event", () => {
  const wire = { group: [{ event: { name: "ready" } }, { chain: [number(1), { event: { name: "ready" } }] }] };
  it("an event is given to all that wait for it, before or after it came", async () => {
    const early = await started(wire);
    expect(await early.local.engine.sendEvent(early.jobId, "ready", { at: 7 })).toBe(true);
    expect(await early.local.engine.sendEvent(early.jobId, "ready", { at: 8 })).toBe(false);
    await early.local.untilQuiet();
    expect(await early.local.engine.job(early.jobId)).toMatchObject({ state: "success" });
    const values = [];
    for await (const { value } of early.local.engine.results(early.jobId)) values.push(value);
    expect(values).toEqual([{ at: 7 }, { at: 7 }]);
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: parseCanvas(wire) });
    await local.engine.sendEvent(jobId, "ready", 1);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });
  it("an event for a job that does not exist is refused", async () => {
    await expect(new LocalEngine(tasks).engine.sendEvent("none", "x", 1)).rejects.toMatchObject({
      code: "job_not_found",
    });
  });
});

it("a group with a percentage tolerates that share of failed members", async () => {
  const group = (percent: number) => ({
    group: [number(1), number(2), number(3), { task: "fail" }],
    options: { policy: { percent } },
  });
  expect(await ended(group(25))).toMatchObject({ outcome: "complete" });
  expect(await ended(group(24))).toMatchObject({ outcome: "failed" });
});
