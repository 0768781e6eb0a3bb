import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import type { Engine } from "../../../functions/engine/contract.ts";
import { chain, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death, untilExpanded } from "../scripted-faults.ts";

const add = defineTask({ name: "add", run: (_ctx, a: number, b: number) => a + b });
const waits = defineTask({ name: "waits", run: (ctx) => ctx.waitForEvent("paid") });

/** Ends one process after another: the call dies before its first write, its second, and so on. */
async function endsAfterEachCrash(
  prepare: (local: LocalEngine) => Promise<string>,
  call: (engine: Engine, jobId: string) => Promise<unknown>,
): Promise<string[]> {
  const ends: string[] = [];
  for (let writes = 0; ; writes++) {
    const local = new LocalEngine([add, waits]);
    const jobId = await prepare(local);
    await local.untilQuiet(2);
    let left = writes;
    const death = new Death((made) => (made.writes.length > 0 || made.messages.length > 0) && left-- === 0);
    const calling = call(local.over(local, death.around), jobId).then(() => "answered");
    const end = await Promise.race([calling, death.died.then(() => "died")]);
    if (end === "answered") return ends;
    await local.queue.releaseAll();
    await local.engine.sweep({ all: true });
    await local.untilQuiet(2);
    ends.push((await local.engine.job(jobId))?.state ?? "no job");
  }
}
const started = (canvas: Parameters<Engine["submit"]>[0]["canvas"]) => async (local: LocalEngine) =>
  (await local.engine.submit({ canvas })).jobId;
const JOB_ID = "01JD2Y8ZK5W0E3T7Q9M4R6X8AB";

describe("the first sweep of a start finishes what a crash left of a call, within seconds", () => {
  it("a submission either left nothing, or its job runs", async () => {
    const ends = await endsAfterEachCrash(
      async () => JOB_ID,
      (engine) => engine.submit({ canvas: add.s(1, 2).canvas, jobId: JOB_ID }),
    );
    expect(ends.slice(0, 3)).toEqual(["no job", "no job", "success"]);
    expect(new Set(ends.slice(2))).toEqual(new Set(["success"]));
  });
  it("a submission with a start time keeps it", async () => {
    const ends = await endsAfterEachCrash(
      async () => JOB_ID,
      (engine) => engine.submit({ canvas: add.s(1, 2).set({ countdown: 0.5 }).canvas, jobId: JOB_ID }),
    );
    expect(new Set(ends.slice(2))).toEqual(new Set(["success"]));
  });
  it("an event that was sent wakes its runs", async () => {
    const ends = await endsAfterEachCrash(started(waits.s().canvas), (engine, jobId) =>
      engine.sendEvent(jobId, "paid", 1),
    );
    expect(ends.length).toBeGreaterThan(3);
    expect(ends).toEqual(["started", ...Array.from(ends.slice(1), () => "success")]);
  });
  it("an approval that was answered goes on", async () => {
    const canvas = parseCanvas({ chain: [{ approval: { name: "go" } }, { task: "add", args: [1] }] });
    const ends = await endsAfterEachCrash(started(canvas), async (engine, jobId) => {
      const { wait } = (await engine.run(`${jobId}.0`)) ?? {};
      return engine.complete(`${jobId}.0`, wait?.token ?? "", { value: 2 });
    });
    expect(ends).toEqual(["started", "success"]);
  });
  it("a cancelled job ends", async () => {
    const ends = await endsAfterEachCrash(started(waits.s().canvas), (engine, jobId) => engine.cancel(jobId));
    expect(ends).toEqual(["started", "cancelled"]);
  });
  it("a revoked run ends", async () => {
    const ends = await endsAfterEachCrash(started(waits.s().canvas), (engine, jobId) => engine.revoke(`${jobId}.0`));
    expect(ends).toEqual(["started", "failure"]);
  });
  it("runs with a revoked stamp end", async () => {
    const canvas = waits.s().stamp({ team: "a" }).canvas;
    const ends = await endsAfterEachCrash(started(canvas), (engine, jobId) =>
      engine.revokeStamped(jobId, { team: ["a"] }),
    );
    expect(ends).toEqual(["started", "failure"]);
  });
  it("a sealed input ends its job", async () => {
    const ends = await endsAfterEachCrash(
      async (local) => {
        const { jobId } = await local.engine.openJob({});
        await local.engine.putInputPage(jobId, 0, [add.s(1, 2).canvas]);
        return jobId;
      },
      (engine, jobId) => engine.sealInput(jobId, 1),
    );
    expect(ends).toEqual(["started", ...Array.from(ends.slice(1), () => "success")]);
  });
});

it("the first sweep of a start sends no second message for members that wait in their queue", async () => {
  const local = new LocalEngine([add]);
  const members = Array.from({ length: 300 }, (_, i) => add.s(i, 1));
  const { jobId } = await local.engine.submit({ canvas: chain(group(members), add.si(1, 2)).canvas });
  await untilExpanded(local, jobId);
  const depth = () => local.queue.depth("local.default#worker");
  const before = await depth();
  await local.engine.sweep({ all: true });
  for (const message of await local.queue.receive(["engine"], 100, 30))
    await local.engine.handle(message, LocalEngine.loop);
  expect(await depth()).toEqual(before);
});
