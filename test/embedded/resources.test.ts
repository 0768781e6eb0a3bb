import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startFanfold } from "../../functions/embedded/index.ts";
import { defineResource, defineTask, group } from "../../functions/sdk/index.ts";
import { pidOf } from "./fixtures/resource-tasks.ts";
import { linesOf, newFolder, run, startTestRuntime } from "./harness.ts";

const tasksModule = fileURLToPath(new URL("./fixtures/resource-tasks.ts", import.meta.url));
afterEach(() => vi.unstubAllEnvs());

describe("resources on one machine", { timeout: 60_000 }, () => {
  it("D046 worker processes open a resource once each, and close it when the runtime stops", async () => {
    const file = join(newFolder(), "journal");
    vi.stubEnv("RESOURCE_LOG", file);
    const { runtime } = await startTestRuntime({ tasksModule });
    const job = await run(runtime, group(Array.from({ length: 40 }, (_, k) => pidOf.s(k))));
    expect(job.state).toBe("success");
    const opened = linesOf(file).toSorted();
    expect(opened.length).toBeGreaterThan(0);
    expect(opened.length).toBe(new Set(opened).size);
    await runtime.stop();
    expect(linesOf(file).toSorted()).toEqual(
      [...opened, ...opened.map((line) => line.replace("open", "close"))].toSorted(),
    );
  });
  it("engines in one process share a resource, which the last one closes", async () => {
    const events: string[] = [];
    const db = defineResource({
      open: () => events.push("open"),
      close: () => void events.push("close"),
    });
    const ask = defineTask({ name: "ask", run: async (ctx) => ctx.use(db) });
    const start = () => startFanfold({ tasks: { ask }, data: newFolder() });
    const [one, two] = [await start(), await start()];
    expect([await one.run(ask.s()), await two.run(ask.s())]).toEqual([1, 1]);
    await one.stop();
    expect(events).toEqual(["open"]);
    await two.stop();
    expect(events).toEqual(["open", "close"]);
  });
});
