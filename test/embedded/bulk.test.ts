import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { RunView } from "../../functions/engine/job-views.ts";
import { group } from "../../functions/sdk/index.ts";
import { indexAll } from "./fixtures/bulk-tasks.ts";
import { startTestRuntime } from "./harness.ts";
import { until } from "./until.ts";

const tasksModule = fileURLToPath(new URL("./fixtures/bulk-tasks.ts", import.meta.url));

async function ends(texts: readonly string[]): Promise<readonly RunView[]> {
  const { runtime } = await startTestRuntime({ tasksModule });
  const { engine } = runtime;
  const { jobId } = await engine.submit({ canvas: group(texts.map((text) => indexAll.s(text))).canvas });
  const over = async (): Promise<boolean> => (await engine.job(jobId))?.endedAt !== undefined;
  await until("it ends", over, 60_000);
  const { items } = await engine.runs(jobId, { limit: 100 });
  return items.filter(({ task }) => task === "bulk.index");
}

describe("bulk calls of worker processes", () => {
  it("S121 have the runs of many messages", { timeout: 90_000 }, async () => {
    const runs = await ends(Array.from({ length: 40 }, (_, k) => `t${k}`));
    expect(runs.map(({ status }) => status)).toEqual(runs.map(() => "success"));
    expect(Math.max(...runs.map(({ value }) => value as number))).toBeGreaterThan(10);
  });
  it("fail in halves when code of one throws where nobody catches it", { timeout: 90_000 }, async () => {
    const runs = await ends(["a", "throws later", "b", "c"]);
    expect(runs.map(({ status }) => status)).toEqual(["success", "error", "success", "success"]);
  });
  it("cost the others nothing when one blocks its process", { timeout: 90_000 }, async () => {
    const runs = await ends(["a", "blocks", "b", "c"]);
    expect(runs.map(({ status, error }) => error?.reason ?? status)).toEqual([
      "success",
      "task_timeout",
      "success",
      "success",
    ]);
  });
});
