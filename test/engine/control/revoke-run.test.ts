import { describe, expect, it } from "vitest";
import type { JobView } from "../../../functions/engine/contract.ts";
import { chain, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { add, fail, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const replaced = defineTask({
  name: "replaced",
  run: (ctx, n: number) => ctx.replace(group([add.s(n, n), later(add.s(n, n))])),
});
const extend = defineTask({
  name: "extend",
  run: (ctx, n: number) => {
    ctx.addToChord([add.s(n, 10), add.s(n, 20)]);
    return n;
  },
});
const extendWithFailure = defineTask({
  name: "extendWithFailure",
  run: (ctx) => {
    ctx.addToChord(fail.s());
    return 1;
  },
});
const throughReplacement = defineTask({
  name: "throughReplacement",
  run: (ctx, n: number) => ctx.replace(extend.s(n)),
});
const list = defineTask({ name: "list", run: (_ctx, values: unknown[]) => values });
const tasks = [add, sum, fail, replaced, extend, extendWithFailure, throughReplacement, list];
const later = <T extends { set(options: { countdown: number }): T }>(signature: T): T =>
  signature.set({ countdown: 60 });

async function started(canvas: {
  canvas: Parameters<LocalEngine["engine"]["submit"]>[0]["canvas"];
}): Promise<{ local: LocalEngine; jobId: string }> {
  const local = new LocalEngine(tasks, { width: 4 });
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  for (let turn = 0; turn < 6; turn++) await local.turn();
  return { local, jobId };
}
async function finished(local: LocalEngine, jobId: string): Promise<JobView | undefined> {
  await local.untilQuiet();
  return local.engine.job(jobId);
}

describe("revoke", () => {
  it("a revoked run that waits does not start, and says so", async () => {
    const { local, jobId } = await started(later(add.s(1, 1)));
    expect(await local.engine.revoke(`${jobId}.0`)).toBe(true);
    const job = await finished(local, jobId);
    expect(job).toMatchObject({
      state: "failure",
      error: { name: "Revoked", reason: "revoked" },
      counts: { cancelled: 1 },
    });
    expect(job?.endedAt).toBeLessThan((job?.createdAt ?? 0) + 30_000);
    expect(await local.engine.revoke(`${jobId}.0`)).toBe(false);
  });
  it("revoking a later step lets those before it run", async () => {
    const { local, jobId } = await started(chain(later(add.s(1, 1)), add.s(1), add.s(1)));
    expect(await local.engine.revoke(`${jobId}.0~1`)).toBe(true);
    expect(await finished(local, jobId)).toMatchObject({
      state: "failure",
      counts: { success: 1, cancelled: 1 },
      countsExact: true,
    });
  });
  it("revoking a header member fails the chord instead of hanging it", async () => {
    const { local, jobId } = await started(chord(group([add.s(1, 1), later(add.s(2, 2))]), sum.s()));
    expect(await local.engine.revoke(`${jobId}.0.g.1`)).toBe(true);
    expect(await finished(local, jobId)).toMatchObject({
      state: "failure",
      outcome: "failed",
      error: { name: "Revoked", runId: `${jobId}.0.g.1` },
    });
  });
  it("revoking a group ends all its members", async () => {
    const { local, jobId } = await started(chain(group([later(add.s(1, 1)), later(add.s(2, 2))]), sum.s()));
    expect(await local.engine.revoke(`${jobId}.0.g`)).toBe(true);
    const job = await finished(local, jobId);
    expect(job).toMatchObject({ state: "failure", error: { reason: "revoked" } });
    expect(job?.counts["success"] ?? 0).toBe(0);
  });
  it("revoking a replaced run ends what replaced it", async () => {
    const { local, jobId } = await started(chain(replaced.s(1), list.s()));
    expect(await local.engine.revoke(`${jobId}.0`)).toBe(true);
    expect(await finished(local, jobId)).toMatchObject({ state: "failure", error: { reason: "revoked" } });
  });
  it("revoking a job cancels it, and revoking nothing is refused", async () => {
    const { local, jobId } = await started(later(add.s(1, 1)));
    await expect(local.engine.revoke(`${jobId}.7`)).rejects.toMatchObject({ code: "run_not_found" });
    expect(await local.engine.revoke(jobId)).toBe(true);
    expect(await finished(local, jobId)).toMatchObject({ state: "cancelled" });
  });
});

describe("addToChord", () => {
  it("what is added to a chord comes behind the members, in order, whatever replaced what", async () => {
    const { local, jobId } = await started(chord(group([extend.s(1), throughReplacement.s(2), add.s(1, 1)]), list.s()));
    expect(await finished(local, jobId)).toMatchObject({
      state: "success",
      value: [1, 2, 2, 11, 21, 12, 22],
      counts: { success: 9 },
    });
  });
  it("a chord fails when what was added to it fails", async () => {
    const { local, jobId } = await started(chord(group([extendWithFailure.s(), add.s(1, 1)]), list.s()));
    expect(await finished(local, jobId)).toMatchObject({
      state: "failure",
      error: { name: "TaskError", runId: `${jobId}.0.g.0.g.0` },
    });
  });
  it("adding to a chord is refused outside a group", async () => {
    const { local, jobId } = await started(extend.s(1));
    expect(await finished(local, jobId)).toMatchObject({ state: "failure", error: { reason: "invalid_request" } });
  });
});
