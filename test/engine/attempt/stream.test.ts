import { describe, expect, it } from "vitest";
import { defineTask } from "../../../functions/sdk/index.ts";
import { add } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const streamThen = defineTask({
  name: "stream-then",
  run: async function* (ctx, n: number, ending: string) {
    for (let i = 0; i < n; i++) yield add.s(i, 1);
    if (ending === "skip") ctx.skip("enough");
    if (ending === "replace") ctx.replace(add.s(1, 1));
    if (ending === "throw") throw new Error("in the middle");
  },
});
async function streamed(items: number, ending: "skip" | "replace" | "throw") {
  const local = new LocalEngine([add, streamThen]);
  const { jobId } = await local.engine.submit({ canvas: streamThen.s(items, ending).canvas });
  await local.untilQuiet();
  return { local, jobId, job: await local.engine.job(jobId) };
}

describe("a generator that ends by throwing", () => {
  it.each([0, 1, 10])(
    "a generator that skips has ended its stream: the %i items before count, in a full page or not",
    async (items) => {
      const { job, local, jobId } = await streamed(items, "skip");
      expect(job).toMatchObject({
        state: "success",
        value: "enough",
        counts: { success: items + 1 },
        countsExact: true,
      });
      expect(await local.engine.sweep()).toMatchObject({ checked: 0 });
      expect((await local.engine.runs(jobId, {})).items.filter(({ task }) => task === "math.add")).toHaveLength(items);
    },
  );

  it.each([0, 10])("a generator that asks to be replaced after %i items fails", async (items) => {
    expect((await streamed(items, "replace")).job).toMatchObject({
      state: "failure",
      error: { reason: "invalid_request" },
    });
  });

  it("the children of a generator that throws are listed and drawn", async () => {
    const { job, local, jobId } = await streamed(3, "throw");
    expect(job).toMatchObject({ state: "failure", error: { message: "in the middle", runId: `${jobId}.0` } });
    expect((await local.engine.runs(jobId, {})).items.length).toBeGreaterThan(1);
    expect((await local.engine.graph(jobId)).nodes.some(({ kind }) => kind === "group")).toBe(true);
  });
});
