import { expect, it } from "vitest";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { type BulkRun, defineTask, group } from "../../functions/sdk/index.ts";
import { TestDeployment } from "./deployment.ts";

it("S134 functions call the runs of several jobs together, and a call that fails in halves", async () => {
  const calls: string[][] = [];
  const hooks: string[] = [];
  const index = defineTask({
    name: "index",
    bulk: { maxItems: 50, maxSeconds: 2 },
    run: async (_ctx, runs: readonly BulkRun<readonly [text: string]>[]) => {
      const texts = runs.map(({ args: [text] }) => text);
      calls.push(texts);
      if (texts.includes("poison")) throw new Error("refused");
      return runs.map(() => ({ value: texts.length }));
    },
    beforePass: () => void hooks.push("before"),
    afterPass: () => void hooks.push("after"),
  });
  const deployment = new TestDeployment({ index });
  const { engine } = await deployment.engine();
  const texts = ["a", "b", "poison", "c", "d", "e", "f"];
  const one = await engine.submit({ canvas: canvasOf(group(texts.map((text) => index.s(text)))) });
  const two = await engine.submit({ canvas: canvasOf(index.s("other")) });
  await deployment.untilQuiet();
  expect(calls[0]?.toSorted()).toEqual([...texts, "other"].toSorted());
  expect(calls.filter((call) => call.includes("poison")).map(({ length }) => length)).toEqual([8, 4, 2, 1]);
  expect(await engine.job(two.jobId)).toMatchObject({ state: "success" });
  expect(await engine.job(one.jobId)).toMatchObject({ state: "failure", counts: { success: 6, error: 1 } });
  expect(hooks).toEqual(["before", "after"]);
});
