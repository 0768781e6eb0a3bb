import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { startRuntime } from "../../functions/embedded/runtime.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import { until } from "../embedded/until.ts";
import { give, seen } from "./fixtures/stream.ts";

const tasksModule = fileURLToPath(new URL("./fixtures/stream.ts", import.meta.url));

/** Feeds a group with this many items, in a runtime that runs tasks in this process. */
async function feed(items: number, engine: Partial<EngineConfig>): Promise<void> {
  Object.assign(seen, { pulled: 0, begun: 0, pulledAtFirst: undefined, mostAhead: 0 });
  const dataFolder = mkdtempSync(join(tmpdir(), "fanfold-stream-"));
  const runtime = await startRuntime({ dataFolder, tasksModule, workers: 0, engine });
  try {
    const { jobId } = await runtime.engine.submit({ canvas: give.s(items).canvas });
    await until("the job ends", async () => (await runtime.engine.job(jobId))?.endedAt !== undefined, 110_000);
    expect(await runtime.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: items + 1 } });
  } finally {
    await runtime.stop({ graceSeconds: 0 });
    rmSync(dataFolder, { recursive: true, force: true });
  }
  expect(seen).toMatchObject({ pulled: items, begun: items });
}

it(
  "a group that a generator feeds starts its first child before the tenth item is pulled",
  { timeout: 120_000 },
  async () => {
    await feed(1_000, {});
    expect(seen.pulledAtFirst).toBeLessThan(10);
  },
);
it("a generator is pulled no faster than its children end", { timeout: 120_000 }, async () => {
  await feed(9_000, { openPages: 1 });
  // This allows for the page that has not ended, and for the page that is being cut.
  expect(seen.mostAhead).toBeLessThanOrEqual(2 * 4_096);
});
