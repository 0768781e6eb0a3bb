import { describe, expect, it } from "vitest";
import type { Tracking } from "../../../functions/core/canvas/canvas.ts";
import { LIMITS } from "../../../functions/core/limits.ts";
import { approval, chain, chord, group, repeat, when } from "../../../functions/sdk/index.ts";
import { Plant } from "../plant.ts";

describe("a retry of what failed", () => {
  it("runs a single task again", async () => {
    const plant = new Plant();
    expect(await plant.fails(plant.work.s("a"), "a")).toMatchObject({ state: "failure", round: 0 });
    expect(await plant.retried()).toMatchObject({
      state: "success",
      round: 1,
      value: "a",
      counts: { success: 1 },
      countsExact: true,
    });
    expect(plant.runs).toEqual({ a: 2 });
  });

  it("goes on with a chain where it failed", async () => {
    const plant = new Plant();
    await plant.fails(chain(plant.work.s("a"), plant.next.s("b"), plant.next.s("c")), "b");
    expect(await plant.retried()).toMatchObject({ state: "success", value: [["a", "b"], "c"], counts: { success: 3 } });
    expect(plant.runs).toEqual({ a: 1, b: 2, c: 1 });
  });

  it.each<Tracking>(["full", "lazy", "result", "ledger"])(
    "runs the failed members of a chord and its body, with tracking %s",
    async (tracking) => {
      const plant = new Plant();
      const names = ["a", "b", "c", "d", "e", "f", "g"];
      const members = names.map((name) => plant.work.s(name));
      const failed = await plant.fails(chord(group(members, { tracking }), plant.join.s()), "c", "f");
      expect(failed).toMatchObject({ state: "failure", counts: { success: 5, error: 2 } });
      expect(await plant.retried()).toMatchObject({
        state: "success",
        value: names,
        counts: { success: 8 },
        countsExact: true,
      });
      expect(plant.runs).toEqual({ a: 1, b: 1, c: 2, d: 1, e: 1, f: 2, g: 1, join: 1 });
    },
  );

  it("runs the failures of a settled group again, and the body that had consumed them", async () => {
    const plant = new Plant();
    const header = group([plant.work.s("a"), plant.work.s("b"), plant.work.s("c")], { policy: "settled" });
    const failed = await plant.fails(chord(header, plant.join.s()), "b");
    expect(failed).toMatchObject({ state: "failure", counts: { success: 3, error: 1 } });
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["a", "b", "c"], counts: { success: 4 } });
    expect(plant.runs).toEqual({ a: 1, b: 2, c: 1, join: 2 });
  });

  it("keeps the body on request, and corrects the counters", async () => {
    const plant = new Plant();
    const header = group([plant.work.s("a"), plant.work.s("b")], { policy: "settled" });
    await plant.fails(chord(header, plant.join.s()), "b");
    expect(await plant.retried({ keepDownstream: true })).toMatchObject({ state: "success", counts: { success: 3 } });
    expect(plant.runs).toEqual({ a: 1, b: 2, join: 1 });
  });

  it("reaches failures in nested groups", async () => {
    const plant = new Plant();
    const inner = (name: string) => chord(group([plant.work.s(`${name}1`), plant.work.s(`${name}2`)]), plant.join.s());
    await plant.fails(chord(group([inner("a"), inner("b")]), plant.join.s()), "b2");
    expect(await plant.retried()).toMatchObject({
      state: "success",
      value: [
        ["a1", "a2"],
        ["b1", "b2"],
      ],
    });
    expect(plant.runs).toEqual({ a1: 1, a2: 1, b1: 1, b2: 2, join: 3 });
  });

  it("runs what a group that failed fast had not begun", async () => {
    const plant = new Plant();
    const names = ["a", "b", "c", "d", "e"];
    await plant.fails(
      chord(
        group(
          names.map((name) => plant.work.s(name)),
          { policy: "failFast" },
        ),
        plant.join.s(),
      ),
      "a",
    );
    expect(await plant.retried()).toMatchObject({ state: "success", value: names });
    expect(plant.ran.get("a")).toBe(2);
  });

  it("runs failed children of a task, and not the task", async () => {
    const plant = new Plant();
    await plant.fails(chain(plant.spawn.s("a", "b"), plant.next.s("c")), "b");
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["spawned", "c"], counts: { success: 4 } });
    expect(plant.runs).toEqual({ a: 1, b: 2, c: 2, spawn: 1 });
  });

  it("retries a second and a third time", async () => {
    const plant = new Plant();
    await plant.fails(group([plant.work.s("a"), plant.work.s("b"), plant.work.s("c")]), "a", "b");
    plant.broken.clear();
    for (const [round, broken] of [
      [1, "a"],
      [2, "a"],
    ] as const) {
      plant.broken.add(broken);
      const { jobId } = await plant.ends();
      await plant.local.engine.retry(jobId, {});
      expect(await plant.ends()).toMatchObject({ state: "failure", round, counts: { success: 2, error: 1 } });
    }
    expect(await plant.retried()).toMatchObject({ state: "success", round: 3, counts: { success: 3 } });
    expect(plant.runs).toEqual({ a: 4, b: 2, c: 1 });
  });

  it("takes only what the filter names", async () => {
    const plant = new Plant();
    const { jobId } = await plant.fails(group([plant.work.s("a"), plant.work.s("b"), plant.work.s("c")]), "a", "b");
    expect(await plant.retried({ filter: { runIds: [`${jobId}.0.g.1`] } })).toMatchObject({
      state: "failure",
      counts: { success: 2, error: 1 },
    });
    expect(plant.runs).toEqual({ a: 1, b: 2, c: 1 });
    expect(await plant.retried()).toMatchObject({ state: "success", counts: { success: 3 } });
    expect(plant.runs).toEqual({ a: 2, b: 2, c: 1 });
  });

  it("takes up a cancelled job where it was", async () => {
    const plant = new Plant();
    const { jobId } = await plant.local.engine.submit({
      canvas: chain(plant.work.s("a"), plant.next.s("b").set({ countdown: 60 })).canvas,
    });
    while (await plant.local.turn());
    await plant.local.engine.cancel(jobId);
    await plant.local.untilQuiet();
    expect(await plant.local.engine.job(jobId)).toMatchObject({ state: "cancelled" });
    await plant.local.engine.retry(jobId, {});
    await plant.local.untilQuiet();
    expect(await plant.local.engine.job(jobId)).toMatchObject({ state: "success", value: ["a", "b"] });
    expect(plant.runs).toEqual({ a: 1, b: 1 });
  });

  it("streams on after the last page, and keeps what had ended", async () => {
    const plant = new Plant();
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const failed = await plant.fails(chain(plant.stream.s(names), plant.join.s()), "before g");
    expect(failed).toMatchObject({ state: "failure" });
    expect(await plant.retried()).toMatchObject({ state: "success", value: names, counts: { success: 10 } });
    for (const name of names.slice(0, 6)) expect([name, plant.ran.get(name)]).toEqual([name, 1]);
  });

  it("runs the failures of streamed children again, and what had consumed them", async () => {
    const plant = new Plant();
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    await plant.fails(chain(plant.stream.s(names), plant.join.s()), "c", "g");
    expect(await plant.retried()).toMatchObject({ state: "success", value: names, counts: { success: 10 } });
    expect([plant.ran.get("a"), plant.ran.get("c"), plant.ran.get("g"), plant.ran.get("before a")]).toEqual([
      1, 2, 2, 1,
    ]);
  });

  it("tells error links of each final failure once, and links of the success once", async () => {
    const plant = new Plant();
    const linked = plant.work.s("a").link(plant.note.si("good")).linkError(plant.note.si("bad"));
    await plant.fails(linked, "a");
    expect(plant.runs).toEqual({ a: 1, note: 1 });
    plant.broken.add("a");
    await plant.local.engine.retry(plant.jobId, {});
    expect(await plant.ends()).toMatchObject({ state: "failure", counts: { error: 1, success: 1 } });
    expect(plant.runs).toEqual({ a: 2, note: 2 });
    expect(await plant.retried()).toMatchObject({ state: "success", value: "a", counts: { success: 2 } });
    expect(plant.runs).toEqual({ a: 3, note: 3 });
  });

  it("runs what replaced a run, and not the run", async () => {
    const plant = new Plant();
    await plant.fails(chain(plant.swap.s("a"), plant.next.s("b")), "a");
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["a", "b"], counts: { success: 3 } });
    expect(plant.runs).toEqual({ a: 2, b: 1, swap: 1 });
  });

  it("runs what was added to a chord, and then its body", async () => {
    const plant = new Plant();
    await plant.fails(chord([plant.add.s("x"), plant.work.s("a")], plant.join.s()), "x");
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["added", "a", "x"] });
    expect(plant.runs).toEqual({ a: 1, add: 1, join: 1, x: 2 });
  });

  it("refuses a link by name, alone or with others, and says so of a job in which only links failed", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    const linked = plant.work.s("a").link(plant.work.si("b"));
    const { jobId } = await plant.fails(group([linked, plant.work.s("c")]), "b", "c");
    for (const id of [`${jobId}.0.g.0.l`, `${jobId}.0.g.0.l.0`])
      for (const runIds of [[id], [`${jobId}.0.g.1`, id]])
        for (const ask of ["retry", "previewRetry"] as const)
          await expect(engine[ask](jobId, { filter: { runIds } })).rejects.toMatchObject({
            code: "link_not_retried",
            details: { runId: id },
          });
    expect(await plant.retried()).toMatchObject({ state: "success", counts: { success: 2, ignored: 1 } });
    expect(plant.runs).toEqual({ a: 1, b: 1, c: 2 });
    await expect(engine.retry(jobId, {})).rejects.toMatchObject({
      code: "nothing_to_retry",
      message: expect.stringContaining("links that failed") as string,
    });
  });

  it("goes the same way of a branch again", async () => {
    const plant = new Plant();
    const branch = when({ is: "eq", value: "a" }, plant.next.s("yes"), plant.next.s("no"));
    await plant.fails(chain(plant.work.s("a"), branch), "yes");
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["a", "yes"] });
    expect(plant.runs).toEqual({ a: 1, yes: 2 });
  });

  it("goes on with a loop where it failed, and begins a loop anew that came to its bound", async () => {
    const plant = new Plant();
    const loop = (wanted: string) => repeat(plant.work.si("a"), { until: { is: "eq", value: wanted }, most: 3 });
    await plant.fails(loop("a"), "a");
    expect(await plant.retried()).toMatchObject({ state: "success", value: "a" });
    expect(plant.runs).toEqual({ a: 2 });
    const bounded = new Plant();
    expect(await bounded.fails(loop("b"))).toMatchObject({ state: "failure" });
    expect(await bounded.retried()).toMatchObject({ state: "failure", round: 1 });
    expect(bounded.runs).toEqual({ a: 6 });
  });

  it("asks again when an approval was refused, with another token", async () => {
    const plant = new Plant();
    await plant.fails(chain(plant.work.s("a"), approval("go"), plant.join.s()));
    const { engine } = plant.local;
    const asked = async (): Promise<string> => (await engine.run(`${plant.jobId}.0~1`))?.wait?.token ?? "";
    const first = await asked();
    await engine.complete(`${plant.jobId}.0~1`, first, { error: { name: "No", message: "not today" } });
    expect(await plant.ends()).toMatchObject({ state: "failure" });
    expect(await plant.retried()).toMatchObject({ state: "started" });
    const second = await asked();
    expect(second).not.toBe(first);
    await expect(engine.complete(`${plant.jobId}.0~1`, first, { value: 1 })).rejects.toMatchObject({
      code: "wrong_token",
    });
    await engine.complete(`${plant.jobId}.0~1`, second, { value: "yes" });
    expect(await plant.ends()).toMatchObject({ state: "success", value: "yes" });
  });

  it("runs the failures of input pages again", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    plant.broken.add("b");
    ({ jobId: plant.jobId } = await engine.openJob({ body: plant.join.s().canvas, policy: "settled" }));
    await engine.putInputPage(plant.jobId, 0, [plant.work.s("a").canvas, plant.work.s("b").canvas]);
    await engine.putInputPage(plant.jobId, 1, [plant.work.s("c").canvas]);
    await engine.sealInput(plant.jobId, 2);
    expect(await plant.ends()).toMatchObject({ state: "failure", counts: { success: 3, error: 1 } });
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["a", "b", "c"], counts: { success: 4 } });
    expect(plant.runs).toEqual({ a: 1, b: 2, c: 1, join: 2 });
  });

  it("takes more input after a job was cancelled before its input had ended", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    ({ jobId: plant.jobId } = await engine.openJob({ body: plant.join.s().canvas }));
    await engine.putInputPage(plant.jobId, 0, [plant.work.s("a").canvas]);
    await engine.cancel(plant.jobId);
    expect(await plant.ends()).toMatchObject({ state: "cancelled" });
    await engine.retry(plant.jobId, {});
    await plant.local.untilQuiet();
    await engine.putInputPage(plant.jobId, 0, [plant.work.s("a").canvas]);
    await engine.putInputPage(plant.jobId, 1, [plant.work.s("b").canvas]);
    await engine.sealInput(plant.jobId, 2);
    expect(await plant.ends()).toMatchObject({ state: "success", value: ["a", "b"] });
  });

  it("begins a chord anew that consumes what is retried, with children of its own", async () => {
    const plant = new Plant();
    const first = group([plant.work.s("a"), plant.work.s("b")], { policy: "settled" });
    const second = chord(group([plant.work.si("c"), plant.work.si("d")]), plant.join.s());
    await plant.fails(chain(first, plant.join.s(), second as never), "b");
    expect(await plant.retried()).toMatchObject({ state: "success", value: ["c", "d"], counts: { success: 6 } });
    expect(plant.runs).toEqual({ a: 1, b: 2, c: 2, d: 2, join: 4 });
  });

  it("a late cancel of a round does not end the next one", async () => {
    const plant = new Plant();
    const { jobId } = await plant.fails(plant.work.s("a"), "a");
    await plant.local.engine.retry(jobId, {});
    await plant.local.queue.send([{ queue: "engine", jobId, body: { v: 1, kind: "cancel", gid: jobId, round: 0 } }]);
    plant.broken.clear();
    expect(await plant.ends()).toMatchObject({ state: "success" });
  });

  it("shows what it would run, and starts nothing", async () => {
    const plant = new Plant();
    const header = group([plant.work.s("a"), plant.work.s("b"), plant.work.s("c")], { policy: "settled" });
    const { jobId } = await plant.fails(chain(chord(header, plant.join.s()), plant.next.s("d")), "a", "b");
    expect(await plant.local.engine.previewRetry(jobId, {})).toMatchObject({
      round: 1,
      runs: 2,
      exact: true,
      failures: [{ task: "work", count: 2 }],
      again: [
        { task: "join", count: 1 },
        { task: "next", count: 1 },
      ],
    });
    expect(await plant.ends()).toMatchObject({ state: "failure", round: 0 });
  });

  it("opens a job again LIMITS.rounds times, and no more", async () => {
    const plant = new Plant();
    const { jobId } = await plant.fails(plant.work.s("a"), "a");
    for (let round = 1; round <= LIMITS.rounds; round++) {
      expect(await plant.local.engine.retry(jobId, {})).toMatchObject({ round });
      await plant.ends();
    }
    await expect(plant.local.engine.retry(jobId, {})).rejects.toMatchObject({ code: "job_over" });
  });

  it("refuses a job without failures, a job that runs, and a job that nobody knows", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    const { jobId } = await engine.submit({ canvas: plant.work.s("a").canvas });
    await expect(engine.retry(jobId, {})).rejects.toMatchObject({ code: "job_unfinished" });
    await plant.local.untilQuiet();
    await expect(engine.retry(jobId, {})).rejects.toMatchObject({ code: "nothing_to_retry" });
    await expect(engine.retry("nobody", {})).rejects.toMatchObject({ code: "job_not_found" });
  });
});
