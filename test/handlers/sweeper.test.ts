import { describe, expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import * as examples from "../../functions/tasks/examples.ts";
import { contextOf, TASK_QUEUE, TestDeployment } from "./deployment.ts";

describe("the sweeper", () => {
  it("the sweeper finds work whose messages were lost, and reports what it repaired", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(group([examples.noop.s(), examples.noop.s()])) });
    for (let pass = 0; pass < 10; pass++) {
      // Each round loses every message, and the sweep finds the work again.
      deployment.clock.ahead += 3_600_000;
      const lost = await deployment.queue.receive(["engine", TASK_QUEUE], 100, 60);
      await deployment.queue.ack(lost.map(({ id }) => id));
      await deployment.sweeper({}, contextOf());
      await deployment.invoke("engine");
    }
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success" });
    const sum = (metric: string) => deployment.lines.reduce((total, line) => total + Number(line[metric] ?? 0), 0);
    expect(sum("GroupsChecked")).toBeGreaterThan(0);
    expect(sum("Repairs")).toBeGreaterThan(2);
    expect(sum("GroupsStuck")).toBeGreaterThan(0);
  });

  it("the sweeper writes metrics in CloudWatch's format", async () => {
    const deployment = new TestDeployment(examples);
    await deployment.sweeper({}, contextOf());
    const line = deployment.lines.at(-1)!;
    expect(line).toMatchObject({
      message: "sweep",
      Deployment: "fanfold",
      Function: "test",
      GroupsChecked: 0,
      Repairs: 0,
    });
    const { CloudWatchMetrics } = line["_aws"] as {
      CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
    };
    expect(CloudWatchMetrics[0]).toMatchObject({ Namespace: "Fanfold", Dimensions: [["Deployment", "Function"]] });
    for (const { Name } of CloudWatchMetrics[0]!.Metrics) expect(line).toHaveProperty(Name);
  });

  it("a sweep that runs out of time leaves the rest to the next one", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    await engine.submit({ canvas: canvasOf(examples.noop.s()) });
    deployment.clock.ahead += 3_600_000;
    await deployment.sweeper({}, contextOf(1_000));
    expect(deployment.lines.at(-1)).toMatchObject({ unfinished: true, GroupsChecked: 0 });
  });
});
