import { describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import type { RunView } from "../../../functions/engine/contract.ts";
import { chain, type CanvasSource, defineTask, group } from "../../../functions/sdk/index.ts";
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
function engine(): LocalEngine {
  calls.length = 0;
  fails = false;
  return new LocalEngine([digest, plain]);
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
