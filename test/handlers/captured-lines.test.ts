import { expect, it } from "vitest";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { defineTask } from "../../functions/sdk/index.ts";
import { TestDeployment } from "./deployment.ts";

it("S080 what a task prints is a line of its function, with the ids of job and run, and in the log of the run", async () => {
  const chatty = defineTask({
    name: "chatty",
    logs: "console",
    run: (ctx) => {
      console.warn("low on %s", "paper");
      ctx.log.info("goes on", { pages: 3 });
    },
  });
  const deployment = new TestDeployment({ chatty });
  const { engine } = await deployment.engine();
  const { jobId } = await engine.submit({ canvas: canvasOf(chatty.s()) });
  await deployment.untilQuiet();
  const [run] = (await engine.runs(jobId, {})).items;
  const of = { task: "chatty", jobId, runId: run?.runId, attempt: 1 };
  expect(deployment.lines.filter(({ runId }) => runId === of.runId)).toMatchObject([
    { level: "warn", message: "low on paper", ...of },
    { level: "info", message: "goes on", ...of, fields: { pages: 3 } },
  ]);
  const log = [
    { level: "warn", message: "low on paper" },
    { level: "info", message: "goes on" },
  ];
  expect((await engine.run(run?.runId ?? ""))?.detail).toMatchObject({ log });
});
