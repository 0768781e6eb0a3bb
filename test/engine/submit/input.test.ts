import { describe, expect, it } from "vitest";
import { add, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const tasks = [add, sum];

describe("open input", () => {
  it("an open input takes pages in any order and twice, runs them before the seal, and hands all results on in order", async () => {
    const local = new LocalEngine(tasks, { width: 4 });
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    await local.engine.putInputPage(jobId, 1, [add.s(3, 3).canvas]);
    await local.engine.putInputPage(jobId, 0, [add.s(1, 1).canvas, add.s(2, 2).canvas]);
    await local.engine.putInputPage(jobId, 0, [add.s(1, 1).canvas, add.s(2, 2).canvas]);
    await local.untilQuiet();
    expect((await local.engine.runs(jobId, { status: "success" })).items.length).toBe(5);
    await expect(local.engine.putInputPage(jobId, 0, [add.s(9, 9).canvas])).rejects.toMatchObject({
      code: "page_conflict",
    });
    await expect(local.engine.sealInput(jobId, 3)).rejects.toMatchObject({ code: "input_incomplete" });
    await local.engine.sealInput(jobId, 2);
    await local.engine.sealInput(jobId, 2);
    await expect(local.engine.putInputPage(jobId, 2, [])).rejects.toMatchObject({ code: "input_sealed" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 12, counts: { success: 4 } });
  });
  it("an empty input runs the body with no results", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    await local.engine.sealInput(jobId, 0);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 0 });
  });
  it("an input is not sealed below a page that was put, and gives all its pages to the body", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    for (let page = 0; page < 4; page++) await local.engine.putInputPage(jobId, page, [add.s(page, 0).canvas]);
    await expect(local.engine.sealInput(jobId, 3)).rejects.toMatchObject({
      code: "input_incomplete",
      details: { page: 3 },
    });
    await local.engine.sealInput(jobId, 4);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 6 });
  });
});
