import { join } from "node:path";
import { expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import { stallsNowAndThen } from "./fixtures/tasks.ts";
import { ended, linesOf, newFolder, startTestRuntime, submit } from "./harness.ts";

it("while workers and their parent stall, no run is lost and none begins twice", { timeout: 200_000 }, async () => {
  const { runtime } = await startTestRuntime({ workers: 1, concurrency: 4 });
  const file = join(newFolder(), "begun");
  // The parent reads late what its workers tell it.
  const lag = setInterval(() => {
    for (const end = performance.now() + Math.random() * 200; performance.now() < end;);
  }, 150);
  try {
    for (let round = 0; round < 8; round++) {
      const members = Array.from({ length: 40 }, (_, index) => stallsNowAndThen.si(file, index));
      expect(await ended(runtime, await submit(runtime, group(members)), 60_000)).toMatchObject({ state: "success" });
    }
  } finally {
    clearInterval(lag);
  }
  expect(linesOf(file)).toHaveLength(320);
  expect(new Set(linesOf(file)).size).toBe(320);
});
