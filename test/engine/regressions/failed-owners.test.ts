import { describe, expect, it } from "vitest";
import { type CanvasBuilder, chord, defineTask, group, TaskBroken, TaskError } from "../../../functions/sdk/index.ts";
import { headerKey } from "../../../functions/engine/item-kinds.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death, onlyMessage, untilIdle, writesHeader } from "../scripted-faults.ts";

const item = defineTask({ name: "item", run: (_ctx, index: number) => index });
const last = defineTask({ name: "last", run: (_ctx, given: unknown) => given });
/** Yields items, by default those of pages of 1, 2 and 4, and throws. Later attempts only throw. */
const owner = defineTask({
  name: "owner",
  retry: { maxAttempts: 2, initialDelaySeconds: 600, jitter: 0 },
  run: async function* (ctx, how: "retried" | "broken" | "fatal", items: number) {
    for (let index = 0; ctx.attempt === 1 && index < items; index++) yield item.s(index);
    if (how === "broken" && ctx.attempt > 1) throw new TaskBroken("for good");
    throw new TaskError("in the middle", { retryable: how !== "fatal" });
  },
});
/** Streams in its first attempt only. */
const changing = defineTask({
  name: "changing",
  retry: { maxAttempts: 2 },
  run: (ctx, later: "replace" | "skip") => {
    if (ctx.attempt === 1) return threeThenError();
    return later === "skip" ? ctx.skip("enough") : ctx.replace(item.s(1));
  },
});
async function* threeThenError() {
  for (let index = 0; index < 3; index++) yield item.s(index);
  throw new Error("in the middle");
}
async function submitted({ canvas }: CanvasBuilder) {
  const local = new LocalEngine([item, last, owner, changing]);
  const { jobId } = await local.engine.submit({ canvas });
  return { local, jobId, job: () => local.engine.job(jobId) };
}

describe("the counts of an owner that fails after it has streamed", () => {
  it.each([
    ["has used up its retries", owner.s("retried", 7), { error: 1 }],
    ["is broken", owner.s("broken", 7), { broken: 1 }],
    ["throws for good", owner.s("fatal", 7), { error: 1 }],
  ])("the counts are exact when all pages of an owner that %s have ended", async (_how, canvas, own) => {
    const { local, job } = await submitted(canvas);
    await local.untilQuiet();
    expect(await job()).toMatchObject({ state: "failure", counts: { success: 7, ...own }, countsExact: true });
    expect(await local.engine.sweep()).toMatchObject({ checked: 0 });
  });

  it("the counts are exact when all pages of an owner that is revoked have ended", async () => {
    const { local, jobId, job } = await submitted(owner.s("retried", 7));
    await untilIdle(local);
    await local.engine.revoke(`${jobId}.0`);
    await local.untilQuiet();
    expect(await job()).toMatchObject({ counts: { success: 7, cancelled: 1 }, countsExact: true });
  });

  it("the counts of a job say that they are a snapshot when a page of a failed owner had not ended", async () => {
    const { local, jobId, job } = await submitted(chord(group([owner.s("fatal", 3)], { policy: "settled" }), last.s()));
    await local.untilQuiet();
    expect(await local.engine.run(`${jobId}.0.g.0`)).toMatchObject({ status: "error", attempt: 1 });
    expect(await job()).toMatchObject({ state: "failure", countsExact: false });
    expect(await job()).not.toHaveProperty("cost");
  });

  it("the counts of failed owners reach the job from members of members", async () => {
    const inner = group([owner.s("fatal", 7), item.s(1)], { policy: "settled" });
    const { local, job } = await submitted(group([inner, owner.s("broken", 7), item.s(2)], { policy: "settled" }));
    await local.untilQuiet();
    expect(await job()).toMatchObject({ counts: { success: 16, error: 1, broken: 1 }, countsExact: true });
  });

  it("a follow-up that is repeated after a death marks what the dropped group has counted", async () => {
    const { local, jobId, job } = await submitted(owner.s("fatal", 7));
    await untilIdle(local);
    local.clock.advance(2_000);
    const death = new Death(writesHeader(jobId, "outcome"));
    void local.over(local, death.around).handle(await onlyMessage(local), LocalEngine.loop);
    await death.died;
    await local.untilQuiet();
    expect(await job()).toMatchObject({ counts: { success: 7, error: 1 }, countsExact: true });
  });

  it("the group that a failed owner has left is closed by the next delivery after a death behind the end of the job", async () => {
    const { local, jobId } = await submitted(owner.s("fatal", 7));
    await untilIdle(local);
    local.clock.advance(2_000);
    const { partition } = headerKey(`${jobId}.0.g`);
    const death = new Death(({ writes }) =>
      writes.some(
        (op) => op.op === "update" && op.key.partition === partition && op.change.set?.["state"] === "closed",
      ),
    );
    void local.over(local, death.around).handle(await onlyMessage(local), LocalEngine.loop);
    await death.died;
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure" });
    await local.untilQuiet();
    expect((await local.store.get(headerKey(`${jobId}.0.g`)))?.attributes["state"]).toBe("closed");
  });

  it("the sweeper that finds the group of a failed owner first counts what its pages have done", async () => {
    const { local, jobId, job } = await submitted(owner.s("fatal", 7));
    await untilIdle(local);
    local.clock.advance(2_000);
    const death = new Death((call) => writesHeader(`${jobId}.0.g`)(call) || writesHeader(jobId, "outcome")(call));
    const message = await onlyMessage(local);
    void local.over(local, death.around).handle(message, LocalEngine.loop);
    await death.died;
    await local.queue.ack([message.id]);
    for (let hours = 0; hours < 3; hours++) {
      local.clock.advance(3_600_000);
      await local.engine.sweep();
      await local.untilQuiet();
    }
    expect(await job()).toMatchObject({ counts: { success: 7, error: 1 }, countsExact: true });
  });
});

describe("an owner whose later attempt no longer streams", () => {
  it("asking to be replaced fails, because its pages are its work", async () => {
    const { local, job } = await submitted(changing.s("replace"));
    await local.untilQuiet();
    expect(await job()).toMatchObject({
      state: "failure",
      error: { reason: "invalid_request" },
      counts: { success: 3, error: 1 },
      countsExact: true,
    });
  });

  it("a skip ends the stream, and the pages before it count", async () => {
    const { local, job } = await submitted(changing.s("skip"));
    await local.untilQuiet();
    expect(await job()).toMatchObject({
      state: "success",
      value: "enough",
      counts: { success: 4 },
      countsExact: true,
    });
    expect(await local.engine.sweep()).toMatchObject({ checked: 0 });
  });
});
