import { beforeEach, describe, expect, it } from "vitest";
import { defineTask, type ScheduleCall, type Submitter } from "../../../functions/sdk/index.ts";
import type { AnyTask } from "../../../functions/sdk/any-task.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

let calls: string[];
let fails: boolean;
/** What somebody else does while a digest is computed. */
let duringDigest: (() => Promise<void>) | undefined;
let files: { [path: string]: string };
let local: LocalEngine;
const text = defineTask({
  name: "text",
  dedupe: "forever",
  run: (_ctx, path: string) => {
    calls.push(`text ${path}`);
    return files[path] ?? "";
  },
});
const other = defineTask({ name: "other", dedupe: "forever", run: (_ctx, path: string) => `other ${path}` });
const digest = defineTask({
  name: "digest",
  dedupe: "forever",
  run: async (ctx, path: string) => {
    await duringDigest?.();
    calls.push(`digest ${path}`);
    if (fails) throw new Error("unreachable");
    return `digest of ${path} ${JSON.stringify(ctx.deps)}`;
  },
});
const engineOf = (from: LocalEngine): Submitter => ({
  submit: (canvas) => from.engine.submit({ canvas }),
  scheduleRun: (canvas, options) => from.engine.scheduleRun({ canvas, ...options }),
  forgetRun: (canvas) => from.engine.forgetRun({ canvas }),
});
const schedule = (path: string, options: ScheduleCall = {}) =>
  digest.schedule([path], { ...options, submitter: engineOf(local) } as never);
const remove = (path: string, scope?: string) =>
  digest.remove([path], { submitter: engineOf(local), ...(scope !== undefined && { scope }) });
/** Schedules, runs all work, and returns the run. */
async function done(path: string, options: ScheduleCall = {}) {
  const scheduled = await schedule(path, options);
  await local.untilQuiet();
  return { ...scheduled, run: await local.engine.run(scheduled.runId) };
}
async function asked(path: string) {
  const { jobId } = await local.engine.submit({ canvas: digest.s(path).canvas });
  await local.untilQuiet();
  return local.engine.job(jobId);
}
async function sweep(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    local.clock.set(local.clock.now() + 60_000);
    await local.engine.sweep();
    await local.untilQuiet();
  }
}
beforeEach(() => {
  calls = [];
  fails = false;
  duringDigest = undefined;
  files = { a: "A", b: "B" };
  local = new LocalEngine([digest, text, other] as readonly AnyTask[]);
});

describe("a shared run that is asked for without a job", () => {
  it("S001 S003 S008 S023 begins once for the same arguments, at once", async () => {
    const first = await schedule("a");
    expect(first).toMatchObject({ status: "queued", begun: true });
    expect(await schedule("a")).toEqual({ ...first, begun: false });
    const b = await schedule("b");
    expect(b.runId).not.toBe(first.runId);
    await local.untilQuiet();
    expect(calls.toSorted()).toEqual(["digest a", "digest b"]);
    expect(await local.engine.run(first.runId)).toMatchObject({ status: "success", why: { of: "first" } });
    // A job takes the same end.
    expect((await asked("a"))?.value).toBe("digest of a {}");
    expect(calls).toHaveLength(2);
  });
  it("S007 is another one in another scope", async () => {
    const runs = [await schedule("a", { scope: "one" }), await schedule("a", { scope: "two" }), await schedule("a")];
    await local.untilQuiet();
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(3);
    expect(calls).toHaveLength(3);
    await remove("a", "one");
    expect(await local.engine.run(runs[1]?.runId ?? "")).toBeDefined();
  });
  it("S009 leaves its message to the sweep with queueNow: false", async () => {
    const { runId } = await done("a", { queueNow: false });
    expect(calls).toEqual([]);
    await sweep(4);
    expect(calls).toEqual(["digest a"]);
    expect(await local.engine.run(runId)).toMatchObject({ status: "success" });
  });
  it("S011 S012 takes an end as it is, also a failed one, unless it is told to retry", async () => {
    fails = true;
    const { run } = await done("a");
    expect(run?.status).toBe("error");
    expect(await done("a")).toMatchObject({ begun: false, status: "error" });
    expect(calls).toHaveLength(1);
    fails = false;
    const again = await done("a", { retry: true });
    expect(again).toMatchObject({ begun: true, run: { status: "success", round: 1, why: { of: "asked" } } });
    expect(await done("a")).toMatchObject({ begun: false, status: "success" });
    expect(calls).toHaveLength(2);
  });
  it("S004 S013 begins again for a dependency that it had not declared, and not for one that it had", async () => {
    await done("a");
    const first = await done("a", { dependsOn: { text: text.s("a") } });
    expect(first.run).toMatchObject({ round: 1, why: { of: "declared" }, value: 'digest of a {"text":"A"}' });
    expect(await done("a", { dependsOn: { text: text.s("a") } })).toMatchObject({ begun: false });
    expect(await done("a")).toMatchObject({ begun: false });
    expect(calls).toEqual(["digest a", "text a", "digest a"]);
  });
  it("S004 takes a dependency before it has started, and those who wait for it wait for that", async () => {
    const { jobId } = await local.engine.submit({ canvas: digest.s("a").canvas });
    // The member waits for the run, whose message nobody has handled.
    const handle = local.engine.handle.bind(local.engine);
    let held = true;
    Object.assign(local.engine, {
      handle: (...[message, loop]: Parameters<typeof handle>) =>
        held && (message.body as { readonly gid?: string }).gid?.startsWith("~")
          ? Promise.resolve({ kind: "later" as const, delaySeconds: 1 })
          : handle(message, loop),
    });
    for (let turn = 0; turn < 20; turn++) await local.turn();
    expect((await local.engine.runs(jobId, { status: "deferred" })).items).toHaveLength(1);
    expect(await schedule("a", { dependsOn: { text: text.s("b") } })).toMatchObject({ begun: true });
    held = false;
    await local.untilQuiet();
    expect((await local.engine.job(jobId))?.value).toBe('digest of a {"text":"B"}');
    expect(calls).toEqual(["text b", "digest a"]);
  });
  it("S014 sends the message of one that has not ended again", async () => {
    await schedule("a");
    const lost = await local.queue.receive(["local.default#worker"], 10, 30);
    await local.queue.ack(lost.map(({ id }) => id));
    await local.untilQuiet();
    expect(calls).toEqual([]);
    await done("a");
    expect(calls).toEqual(["digest a"]);
    // Nobody asks again, and the sweep sends it.
    await schedule("b");
    await local.queue.ack((await local.queue.receive(["local.default#worker"], 10, 30)).map(({ id }) => id));
    await sweep(4);
    expect(calls).toEqual(["digest a", "digest b"]);
  });
  it("S015 S016 takes away what is not named, and replaces what has the name, without a second edge", async () => {
    const { runId } = await done("a", { dependsOn: { x: text.s("a"), y: other.s("a") } });
    const edges = async () => (await local.engine.run(runId))?.dependencies?.map(({ name }) => name).toSorted();
    expect(await edges()).toEqual(["x", "y"]);
    const rounds = calls.length;
    await done("a", { dependsOn: { x: text.s("a") }, deleteExtraDeps: true });
    expect(await edges()).toEqual(["x"]);
    expect(calls).toHaveLength(rounds);
    const { run } = await done("a", { dependsOn: { x: text.s("b") }, deleteExtraDeps: true });
    expect(run?.value).toBe('digest of a {"x":"B"}');
    expect(run?.dependencies).toHaveLength(1);
    // What was taken away begins it no more.
    await other.schedule(["a"], { retry: true, submitter: engineOf(local) });
    await local.untilQuiet();
    expect((await local.engine.run(runId))?.round).toBe(1);
  });
  it("refuses other dependencies while it is at work", async () => {
    let refused: unknown;
    duringDigest = async () => {
      duringDigest = undefined;
      refused = await schedule("a", { dependsOn: { other: other.s("x") } }).catch((error: unknown) => error);
    };
    const { run } = await done("a");
    expect(refused).toMatchObject({ code: "run_not_ended", message: expect.stringContaining("schedule it again") });
    expect(run).toMatchObject({ status: "success", round: 0 });
    expect(await done("a", { dependsOn: { other: other.s("x") } })).toMatchObject({ begun: true, run: { round: 1 } });
  });
  it("refuses options that belong to a job, and an unknown task", async () => {
    const canvas = { ...digest.s("a").canvas, options: { countdown: 5 } };
    await expect(local.engine.scheduleRun({ canvas: canvas as never })).rejects.toMatchObject({
      code: "invalid_canvas",
      details: { field: "/canvas/options/countdown" },
    });
    const unknown = { ...digest.s("a").canvas, task: "nobody" };
    await expect(local.engine.scheduleRun({ canvas: unknown as never })).rejects.toMatchObject({
      code: "unknown_task",
    });
  });
  it("costs two write units and one for its place in the index, and its run two and one", async () => {
    const { writes } = countPorts(local);
    await schedule("a");
    expect(writes.headers).toBe(2);
    await local.untilQuiet();
    expect(writes.headers).toBe(2 + 1 + 2);
  });
});

describe("a shared run that is removed", () => {
  it("S005 S006 S075 is no more: its end is taken by nobody, and it begins no more by itself", async () => {
    const { runId } = await done("a", { dependsOn: { text: text.s("a") } });
    expect(await remove("a")).toEqual({ runId, status: "success" });
    expect(await local.engine.run(runId)).toBeUndefined();
    await expect(remove("a")).rejects.toMatchObject({ code: "run_not_found" });
    await expect(remove("never")).rejects.toMatchObject({ code: "run_not_found" });
    // Its dependency ends otherwise.
    files["a"] = "changed";
    await text.schedule(["a"], { retry: true, submitter: engineOf(local) });
    await sweep(3);
    expect(calls).toEqual(["text a", "digest a", "text a"]);
    // It is made anew, without what it had declared.
    const { run } = await done("a");
    expect(run).toMatchObject({ value: "digest of a {}", why: { of: "removed" } });
  });
  it("still ends for those who wait for it, and not for those who come after that", async () => {
    const { jobId } = await local.engine.submit({ canvas: digest.s("a").canvas });
    while ((await local.engine.runs(jobId, { status: "deferred" })).items.length === 0) await local.turn();
    await remove("a").catch(() => undefined);
    await local.untilQuiet();
    expect((await local.engine.job(jobId))?.state).toBe("success");
    expect(calls).toEqual(["digest a"]);
    expect((await asked("a"))?.state).toBe("success");
    expect(calls).toEqual(["digest a", "digest a"]);
  });
  it("leaves the ends of those that have consumed it", async () => {
    const { runId } = await done("a", { dependsOn: { text: text.s("a") } });
    await text.remove(["a"], { submitter: engineOf(local) });
    await sweep(3);
    expect(await local.engine.run(runId)).toMatchObject({ status: "success", round: 0 });
    files["a"] = "changed";
    await text.schedule(["a"], { submitter: engineOf(local) });
    await local.untilQuiet();
    expect((await local.engine.run(runId))?.value).toContain("changed");
  });
});
