import { describe, expect, it } from "vitest";
import { newFolder, startTestRuntime } from "./harness.ts";
import { until } from "./until.ts";

describe("schedules on one machine", () => {
  it("D085 fire within a second of their time, not when the sweeper comes by", async () => {
    const { runtime } = await startTestRuntime({ workers: 0 });
    const { engine } = runtime;
    await engine.putSchedule("often", { when: { everySeconds: 2 }, canvas: { group: [] }, overlap: "allow" });
    const jobs = async () => (await engine.jobs({})).items;
    await until("it fires twice", async () => (await jobs()).length >= 2, 20_000);
    for (const { createdAt, schedule } of await jobs()) {
      expect(createdAt - (schedule?.at ?? 0)).toBeGreaterThanOrEqual(0);
      expect(createdAt - (schedule?.at ?? 0)).toBeLessThan(1_000);
    }
  });
  it("of the configuration are put at the start, and fire after a stop", async () => {
    const dataFolder = newFolder();
    const schedules = [{ name: "configured", when: { everySeconds: 1 }, canvas: { group: [] } }];
    const first = await startTestRuntime({ dataFolder, workers: 0, engine: { schedules } });
    expect(await first.runtime.engine.schedule("configured")).toMatchObject({ origin: "config" });
    await first.runtime.stop({ graceSeconds: 0 });
    const { runtime } = await startTestRuntime({ dataFolder, workers: 0, engine: { schedules } });
    await until("it fires", async () => (await runtime.engine.jobs({})).items.length > 0, 20_000);
  });
  it("of the configuration that can never start keep the server from starting", async () => {
    const schedules = [{ name: "wrong", when: { everySeconds: 60 }, workflow: "nobody-knows-it" }];
    await expect(startTestRuntime({ workers: 0, engine: { schedules } })).rejects.toMatchObject({
      code: "unknown_workflow",
    });
  });
});
