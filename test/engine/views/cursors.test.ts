import { describe, expect, it } from "vitest";
import { add, noop } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

describe("cursors", () => {
  const refused = { code: "invalid_request", details: { field: "?cursor" } };

  it.each([
    "",
    "x",
    "../..",
    "00000000000001#",
    "1#J",
    "00000000000001#J\u0000",
    "00000000000001#J.0",
    "9".repeat(1_900),
  ])("%j is no cursor of a list of jobs", async (cursor) => {
    const { engine } = new LocalEngine([noop]);
    await expect(engine.jobs({ cursor })).rejects.toMatchObject(refused);
  });

  it("a run of another job is no cursor of a job's runs, nor is what is no run", async () => {
    const { engine } = new LocalEngine([noop]);
    const [{ jobId }, other] = [
      await engine.submit({ canvas: noop.s().canvas }),
      await engine.submit({ canvas: noop.s().canvas }),
    ];
    for (const cursor of [`${other.jobId}.0`, jobId, "", "x"])
      await expect(engine.runs(jobId, { cursor })).rejects.toMatchObject(refused);
  });

  it("a cursor that was given leads on", async () => {
    const local = new LocalEngine([add]);
    for (let n = 0; n < 2; n++) await local.engine.submit({ canvas: add.s(n, n).canvas });
    const { cursor } = await local.engine.jobs({ limit: 1 });
    expect((await local.engine.jobs({ limit: 1, ...(cursor !== undefined && { cursor }) })).items).toHaveLength(1);
  });
});
