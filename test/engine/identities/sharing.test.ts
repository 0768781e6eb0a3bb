import { describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import type { RunView } from "../../../functions/engine/contract.ts";
import { canvasFrom, type CanvasSource, chain, defineTask, group } from "../../../functions/sdk/index.ts";
import { canvasOf } from "../../../functions/sdk/canvas-builder.ts";
import { LocalEngine } from "../local-engine.ts";

const calls: Json[] = [];
let fails = false;
const digest = defineTask({
  name: "digest",
  dedupe: "forever",
  run: (ctx, file: string) => {
    calls.push(file);
    ctx.count("bytes", 3);
    if (fails) throw new Error(`cannot read ${file}`);
    return { digest: `of ${file}` };
  },
});
const plain = defineTask({ name: "plain", run: (_ctx, value: Json) => value });
const size = defineTask({
  name: "size",
  run: (_ctx, { bytes }: { readonly bytes: number }) => {
    calls.push(bytes);
    return bytes;
  },
});
const streams = defineTask({
  name: "streams",
  dedupe: "forever",
  streamsResults: true,
  run: (_ctx, _group: Json) => null,
});
const spawns = defineTask({
  name: "spawns",
  dedupe: "forever",
  run: (ctx) => {
    ctx.spawn([digest.signature(["a"], {}, { scope: "principal" })]);
    return null;
  },
});
const waits = defineTask({ name: "waits", dedupe: "forever", run: (ctx) => ctx.waitForEvent("go") });
const big = defineTask({
  name: "big",
  dedupe: "forever",
  run: () => {
    calls.push("big");
    return "x".repeat(10_000);
  },
});
function engine(): LocalEngine {
  calls.length = 0;
  fails = false;
  return new LocalEngine([digest, plain, size, streams, spawns, waits, big]);
}
async function submit(local: LocalEngine, canvas: CanvasSource): Promise<string> {
  return (await local.engine.submit({ canvas: canvasOf(canvas) })).jobId;
}
async function finish(local: LocalEngine, canvas: CanvasSource) {
  const jobId = await submit(local, canvas);
  await local.untilQuiet();
  return (await local.engine.job(jobId)) as NonNullable<Awaited<ReturnType<LocalEngine["engine"]["job"]>>>;
}
async function runsOf(local: LocalEngine, jobId: string): Promise<readonly RunView[]> {
  return (await local.engine.runs(jobId, {})).items;
}

describe("runs that jobs share", () => {
  it("S001 the same task with the same arguments runs once, and both jobs get its value", async () => {
    const local = engine();
    const first = await submit(local, digest.s("a"));
    const second = await submit(local, digest.s("a"));
    await local.untilQuiet();
    expect(calls).toEqual(["a"]);
    for (const jobId of [first, second])
      expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: { digest: "of a" } });
    const third = await finish(local, digest.s("a"));
    expect(third).toMatchObject({ state: "success", value: { digest: "of a" }, counts: { success: 1, u_bytes: 3 } });
    expect(calls).toEqual(["a"]);
    const [run] = await runsOf(local, third.jobId);
    expect(run?.adopts).toMatchObject({ round: 0, reused: true });
    expect(await local.engine.run(run?.adopts?.runId ?? "")).toMatchObject({
      task: "digest",
      status: "success",
      args: ["a"],
    });
  });
  it("S003 other arguments are another run", async () => {
    const local = engine();
    await finish(local, group([digest.s("a"), digest.s("b")]));
    expect(new Set(calls)).toEqual(new Set(["a", "b"]));
  });
  it("S011 S042 S043 what has ended is not run again, by a request or by a second delivery", async () => {
    const local = engine();
    const { jobId } = await finish(local, digest.s("a"));
    const [run] = await runsOf(local, jobId);
    const identity = run?.adopts?.runId ?? "";
    await finish(local, digest.s("a"));
    const message = { v: 1, kind: "members", gid: identity.slice(0, -2), step: 0, members: [0] };
    await local.queue.send([{ queue: "local.default#worker", jobId, body: message }]);
    await local.untilQuiet();
    expect(calls).toEqual(["a"]);
    expect(await local.engine.run(identity)).toMatchObject({ status: "success", attempt: 1, round: 0 });
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 1 } });
  });
  it("S008 S026 S027 a new run is queued at once, started by a worker, and ends with its value", async () => {
    const local = engine();
    const jobId = await submit(local, digest.s("a"));
    await local.turn();
    const [waiting] = await runsOf(local, jobId);
    expect(waiting).toMatchObject({ status: "deferred", unmet: [{ of: "run", name: waiting?.adopts?.runId }] });
    expect(await local.engine.run(waiting?.adopts?.runId ?? "")).toMatchObject({ status: "queued", attempt: 0 });
    await local.untilQuiet();
    const ended = await local.engine.run(waiting?.adopts?.runId ?? "");
    expect(ended).toMatchObject({ status: "success", attempt: 1, value: { digest: "of a" } });
    expect(ended?.startedAt).toBeGreaterThanOrEqual(ended?.queuedAt ?? Infinity);
  });
  it("S002 a blob argument is part of the key", async () => {
    const local = engine();
    const put = async (text: string) =>
      local.engine.putBlob(
        (async function* () {
          yield new TextEncoder().encode(text);
        })(),
      );
    const size = (ref: unknown) => canvasFrom({ task: "size", args: [ref], options: { dedupe: "forever" } });
    const [one, two] = [await put("one"), await put("two")];
    expect(await put("one")).toEqual(one);
    await finish(local, group([size(one), size(await put("one")), size(two)]));
    expect(calls).toEqual([3, 3]);
  });
  it("a key that cannot be computed is an error", async () => {
    const local = engine();
    const streamed = await finish(
      local,
      chain(group([plain.s("a")], { policy: "settled" }), streams.s() as CanvasSource),
    );
    expect(streamed).toMatchObject({ state: "failure", error: { reason: "no_identity" } });
    // What a shared run spawns belongs to no job, and so to no principal.
    const spawned = await finish(local, spawns.s());
    expect(spawned).toMatchObject({ state: "success" });
    const [run] = await runsOf(local, spawned.jobId);
    const inside = await local.engine.run(`${run?.adopts?.runId}.g.0`);
    expect(inside).toMatchObject({ status: "error", error: { reason: "no_identity" } });
    expect(calls).toEqual([]);
  });
  it("principals do not share what is scoped by principal", async () => {
    const local = engine();
    const own = canvasOf(digest.signature(["a"], {}, { scope: "principal" }));
    for (const principal of ["ann", "bob", "ann", undefined])
      await local.engine.submit({ canvas: own, ...(principal !== undefined && { principal }) });
    await local.untilQuiet();
    expect(calls).toEqual(["a", "a", "a"]);
  });
  it("nobody can revoke a shared run, and no event can be sent to it", async () => {
    const local = engine();
    const jobId = await submit(local, waits.s());
    await local.turn();
    const [run] = await runsOf(local, jobId);
    await expect(local.engine.revoke(run?.adopts?.runId ?? "")).rejects.toMatchObject({ code: "shared_run" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "shared_run" } });
  });
  it("the cancel of one job at any moment changes no result of another", async () => {
    const files = ["a", "b", "c", "a", "d"];
    const wanted = files.map((file) => ({ digest: `of ${file}` }));
    for (let moment = 0; moment < 30; moment++) {
      const local = engine();
      const first = await submit(local, group(files.map((file) => digest.s(file))));
      if (moment % 2 === 0) await local.turn();
      const second = await submit(local, group(files.toReversed().map((file) => digest.s(file))));
      for (let turn = 0; turn < moment / 2; turn++) await local.turn();
      await local.engine.cancel(first);
      await local.untilQuiet();
      const entries: Json[] = [];
      for await (const { value } of local.engine.results(second)) entries.push(value ?? null);
      expect(entries).toEqual(wanted.toReversed());
      expect(calls.length).toBe(new Set(files).size);
    }
  });
  it("the pause of one job leaves the run to the other", async () => {
    const local = engine();
    const first = await submit(local, chain(digest.s("a"), plain.s()));
    while (!(await runsOf(local, first)).some(({ status }) => status === "deferred")) await local.turn();
    await local.engine.pause({ kind: "job", name: first });
    // A process may start runs for 5 s by what it has read before.
    local.clock.set(local.clock.now() + 6_000);
    const second = await finish(local, digest.s("a"));
    expect(second).toMatchObject({ state: "success", value: { digest: "of a" } });
    expect((await local.engine.job(first))?.endedAt).toBeUndefined();
    await local.engine.resume({ kind: "job", name: first });
    await local.untilQuiet();
    expect(await local.engine.job(first)).toMatchObject({ state: "success", value: { digest: "of a" } });
    expect(calls).toEqual(["a"]);
  });
  it("a pause of the task parks the shared run, too, and its resume lets it go on", async () => {
    const local = engine();
    const jobId = await submit(local, digest.s("a"));
    while (!(await runsOf(local, jobId)).some(({ status }) => status === "deferred")) await local.turn();
    await local.engine.pause({ kind: "task", name: "digest" });
    await local.untilQuiet(60);
    expect(calls).toEqual([]);
    await local.engine.resume({ kind: "task", name: "digest" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect(calls).toEqual(["a"]);
  });
  it("a revoked run leaves the shared run to the others", async () => {
    const local = engine();
    const first = await submit(local, group([digest.s("a"), digest.s("a")]));
    while (!(await runsOf(local, first)).some(({ status }) => status === "deferred")) await local.turn();
    await local.engine.revoke(`${first}.0.g.0`);
    await local.untilQuiet();
    expect(await local.engine.run(`${first}.0.g.0`)).toMatchObject({ status: "cancelled" });
    expect(await local.engine.run(`${first}.0.g.1`)).toMatchObject({ status: "success" });
  });
  it("a value too large for a row, and no value at all, are taken over like any other", async () => {
    const local = engine();
    const large = await finish(local, big.s());
    expect((large.value as string).length).toBe(10_000);
    expect((await finish(local, big.s())).value).toBe(large.value);
    const dropped = await finish(local, big.signature([], {}, { ignoreResult: true }));
    expect(dropped).toMatchObject({ state: "success" });
    expect(dropped.value ?? null).toBe(null);
    expect(calls).toEqual(["big"]);
  });
  it("S007 runs of different scopes are never shared", async () => {
    const local = engine();
    const scoped = (scope: string) => digest.signature(["a"], {}, { scope });
    await finish(local, group([scoped("london"), scoped("paris"), scoped("site"), scoped("deployment")]));
    expect(calls).toHaveLength(4);
    await finish(local, group([scoped("london"), digest.s("a")]));
    expect(calls).toHaveLength(4);
  });
  it("D015 two equal members of a group are two members, and both count", async () => {
    const local = engine();
    const job = await finish(local, group([digest.s("a"), digest.s("a"), digest.s("a")]));
    expect(calls).toEqual(["a"]);
    expect(job.counts).toMatchObject({ success: 3, u_bytes: 9 });
  });
  it("takes the value of the step before as part of the key", async () => {
    const local = engine();
    await finish(local, chain(plain.s("a"), digest.s() as CanvasSource));
    await finish(local, digest.s("a"));
    expect(calls).toEqual(["a"]);
  });
  it("does not share without being asked to", async () => {
    const local = engine();
    await finish(
      local,
      group([digest.signature(["a"], {}, { dedupe: "none" }), digest.signature(["a"], {}, { dedupe: "none" })]),
    );
    expect(calls).toEqual(["a", "a"]);
  });
  it("S012 a failed end is not reused: who asks next runs it again", async () => {
    const local = engine();
    fails = true;
    const job = await finish(local, digest.s("a"));
    expect(job).toMatchObject({ state: "failure", error: { message: "cannot read a" } });
    fails = false;
    await local.engine.retry(job.jobId, {});
    await local.untilQuiet();
    expect(await local.engine.job(job.jobId)).toMatchObject({ state: "success", value: { digest: "of a" } });
    expect(calls).toEqual(["a", "a"]);
  });
  it("shares a run that has not ended, and an ended one for as long as it says", async () => {
    const local = engine();
    const brief = (dedupe: "running" | number) => digest.signature(["a"], {}, { dedupe });
    await finish(local, group([brief("running"), brief("running")]));
    expect(calls).toHaveLength(1);
    await finish(local, brief("running"));
    expect(calls).toHaveLength(2);
    await finish(local, brief(60));
    expect(calls).toHaveLength(2);
    local.clock.set(local.clock.now() + 61_000);
    await finish(local, brief(60));
    expect(calls).toHaveLength(3);
  });
  it("the cancel of one job leaves the run to the other", async () => {
    const local = engine();
    const first = await submit(local, digest.s("a"));
    await local.turn();
    const second = await submit(local, digest.s("a"));
    await local.engine.cancel(first);
    await local.untilQuiet();
    expect(await local.engine.job(first)).toMatchObject({ state: "cancelled" });
    expect(await local.engine.job(second)).toMatchObject({ state: "success", value: { digest: "of a" } });
    expect(calls).toEqual(["a"]);
  });
});
