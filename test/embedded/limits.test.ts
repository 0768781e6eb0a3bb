import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import { dies, holds } from "./fixtures/limit-tasks.ts";
import { startTestRuntime } from "./harness.ts";
import { until } from "./until.ts";

const tasksModule = fileURLToPath(new URL("./fixtures/limit-tasks.ts", import.meta.url));

it(
  "D060 D074 a lock is one run's at a time over all processes, and a killed worker leaves it",
  { timeout: 90_000 },
  async () => {
    const { runtime } = await startTestRuntime({ tasksModule });
    const { engine } = runtime;
    const canvas = group([dies.s(), ...Array.from({ length: 8 }, () => holds.s())]).canvas;
    const { jobId } = await engine.submit({ canvas });
    await until("it ends", async () => (await engine.job(jobId))?.state === "success", 60_000);
    const held: [number, number][] = [];
    for await (const { index, value } of engine.results(jobId)) if (index > 0) held.push(value as [number, number]);
    held.sort(([a], [b]) => a - b);
    expect(held).toHaveLength(8);
    for (const [k, [from]] of held.entries()) expect(from).toBeGreaterThanOrEqual(held[k - 1]?.[1] ?? 0);
    expect((await engine.locks({})).items).toEqual([]);
  },
);
