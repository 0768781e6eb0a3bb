import { describe, expect, it } from "vitest";
import { definePathTask, FileActionStatus, type PathObject, type PathState } from "../../../functions/paths/index.ts";
import { type CanvasBuilder, chain, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** Ends each item in the state that its path names for this step, else as processed. */
const at = (name: string, more = {}) =>
  definePathTask({
    name,
    ...more,
    run: (ctx, { jobid, paths }) => {
      const status = new FileActionStatus(name, paths, jobid, ctx.queue);
      for (const { path, states } of paths)
        status.add((states as Record<string, PathState>)?.[name] ?? "processed", path);
      return status.dump();
    },
  });
const copy = at("copy");
const verify = at("verify");
const audit = at("audit", { countsTowardsJob: false });
const plain = defineTask({ name: "plain", run: () => null });
const fails = defineTask({
  name: "fails",
  run: () => {
    throw new Error("no");
  },
});
/** Hands its items to a member of its own, and fails. Its last attempt begins after that member's end. */
const walker = defineTask({
  name: "walker",
  retry: { maxAttempts: 2, initialDelaySeconds: 600, jitter: 0 },
  run: async function* (ctx, { paths }: { paths: readonly PathObject[] }) {
    if (ctx.attempt === 1) yield verify.s({ paths });
    throw new Error("in the middle");
  },
});
const tasks = [copy, verify, audit, plain, fails, walker];
const NONE = { processed: 0, skipped: 0, failures: 0, aborted: 0, inprogress: 0 };

function items(count: number, states: { readonly [task: string]: PathState } = {}): readonly PathObject[] {
  return Array.from({ length: count }, (_, k) => ({ path: `/${JSON.stringify(states)}/${k}`, states }));
}
async function started({ canvas }: CanvasBuilder): Promise<{ local: LocalEngine; jobId: string }> {
  const local = new LocalEngine(tasks, { width: 4 });
  const { jobId } = await local.engine.submit({ canvas });
  return { local, jobId };
}
async function ended(canvas: CanvasBuilder) {
  const { local, jobId } = await started(canvas);
  await local.untilQuiet();
  return local.engine.job(jobId);
}

describe("the items of a job", () => {
  it("count once when a failed owner has streamed them on (seed 1053)", async () => {
    const job = await ended(chain(copy.s({ paths: items(2) }), walker.s()));
    expect(job).toMatchObject({ state: "failure", countsExact: true, items: { ...NONE, processed: 2 } });
  });
  it("NG-015 NG-098 are counted by the state in which the last step left them", async () => {
    const given = [
      ...items(5),
      ...items(2, { copy: "failures" }),
      ...items(1, { copy: "aborted" }),
      ...items(3, { verify: "failures" }),
      ...items(1, { copy: "skipped", verify: "skipped" }),
    ];
    const job = await ended(chain(copy.s({ paths: given }), verify.s()));
    expect(job).toMatchObject({
      counts: { success: 2 },
      countsExact: true,
      items: { processed: 5, skipped: 1, failures: 5, aborted: 1, inprogress: 0 },
    });
    expect(Object.keys(job?.counts ?? {})).toEqual(["success"]);
  });
  it("NG-098 leave out a task that does not count, wherever it stands", async () => {
    const given = [...items(2), ...items(1, { audit: "failures" })];
    const job = await ended(chain(audit.s({ paths: given }), copy.s({ paths: given }), audit.s()));
    expect(job).toMatchObject({ state: "success", items: { ...NONE, processed: 3 } });
  });
  it("NG-098 stay as they are in a step that has no items, or that fails", async () => {
    expect((await ended(chain(copy.s({ paths: items(3) }), plain.si())))?.items).toEqual({ ...NONE, processed: 3 });
    const failed = await ended(chain(copy.s({ paths: items(3) }), fails.si()));
    expect(failed).toMatchObject({ state: "failure", items: { ...NONE, processed: 3 } });
  });
  it("add up over the members of groups, and count once behind them", async () => {
    const members = Array.from({ length: 9 }, (_, k) =>
      copy.s({ paths: [...items(2), ...items(k === 4 ? 3 : 0, { copy: "aborted" })] }),
    );
    expect((await ended(group(members)))?.items).toEqual({ ...NONE, processed: 18, aborted: 3 });
    expect((await ended(chord(members, verify.s())))?.items).toEqual({ ...NONE, processed: 2, aborted: 3 });
    expect((await ended(chord([copy.s({ paths: items(4) })], group([verify.s()]))))?.items).toMatchObject({
      processed: 4,
    });
  });
  it("are shown of a group, apart from its runs", async () => {
    const { local, jobId } = await started(group([copy.s({ paths: items(2) }), copy.s({ paths: items(3) })]));
    await local.untilQuiet();
    const { counts, items: shown } = await local.engine.group(`${jobId}.0.g`);
    expect([counts, shown]).toEqual([{ success: 2 }, { ...NONE, processed: 5 }]);
  });
  it("are not counted again by a callback beside them", async () => {
    const job = await ended(copy.s({ paths: [...items(2), ...items(1, { verify: "failures" })] }).link(verify.s()));
    expect(job).toMatchObject({ state: "success", items: { ...NONE, processed: 3 } });
  });
  it("are absent from a job without path tasks", async () =>
    expect(await ended(plain.s())).not.toHaveProperty("items"));
  it("are shown while the job runs, by the state of the last step", async () => {
    const { local, jobId } = await started(
      chain(copy.s({ paths: items(3) }), verify.s(), plain.si().set({ countdown: 60 })),
    );
    for (let turn = 0; turn < 20; turn++) await local.turn();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "started", items: { ...NONE, processed: 3 } });
  });
});

describe("an item that failed", () => {
  const paths = [...items(2), ...items(1, { copy: "failures" })];
  it("NG-087 NG-091 makes its job a failure that says so, while the good ones go on", async () => {
    const job = await ended(chain(copy.s({ paths }), verify.s()));
    expect(job).toMatchObject({
      state: "failure",
      counts: { success: 2 },
      items: { ...NONE, processed: 2, failures: 1 },
      error: { name: "ItemsFailed", message: "1 item failed", reason: "items_failed" },
    });
    expect(job?.value).toMatchObject({ paths: [{ path: paths[0]?.path }, { path: paths[1]?.path }] });
  });
  it("NG-091 makes a job of one task a failure, also in the lists", async () => {
    const { local, jobId } = await started(copy.s({ paths }));
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { name: "ItemsFailed" } });
    const listed = async (state: "failure" | "success") =>
      (await local.engine.jobs({ state })).items.map((job) => job.jobId);
    expect([await listed("failure"), await listed("success")]).toEqual([[jobId], []]);
  });
  it("NG-090 that was only aborted leaves its job a success", async () =>
    expect((await ended(copy.s({ paths: items(2, { copy: "aborted" }) })))?.state).toBe("success"));
});
