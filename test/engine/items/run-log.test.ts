import { expect, it } from "vitest";
import { defineTask } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const LINES = 300;
const chatty = defineTask({
  name: "chatty",
  run: (ctx) => {
    for (let i = 0; i < LINES; i++) ctx.log.info(`${i} ${"x".repeat(1_900)}`, { text: "y".repeat(1_900) });
    throw new Error("after all that");
  },
});

it("S081 S085 a huge log keeps its first and last lines beside the run, and says how many are left out", async () => {
  const local = new LocalEngine([chatty]);
  const { jobId } = await local.engine.submit({ canvas: chatty.s().canvas });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { message: "after all that" } });
  const { detail } = (await local.engine.run(`${jobId}.0`)) ?? {};
  const numbers = (detail?.log ?? []).map((line) => (line as { message: string }).message.split(" ")[0]);
  expect(detail?.stack).toContain("after all that");
  expect(detail?.log.length).toBeGreaterThan(5);
  expect([numbers[0], numbers.at(-1)]).toEqual(["0", `${LINES - 1}`]);
  expect((detail?.log.length ?? 0) + (detail?.dropped ?? 0)).toBe(LINES);
});
