import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ENGINE_QUEUE } from "../../functions/core/names/queue-name.ts";
import { group } from "../../functions/sdk/index.ts";
import { echo, untilAborted } from "./fixtures/tasks.ts";
import { ended, linesOf, newFolder, startTestRuntime, submit } from "./harness.ts";
import { until } from "./until.ts";

const QUEUE = "local.default#worker";

describe("the health of a runtime", () => {
  it("busy slots, waiting messages and their age are told while tasks run", async () => {
    const file = join(newFolder(), "until-aborted");
    const { runtime } = await startTestRuntime({ workers: 1, concurrency: 2 });
    const job = await submit(runtime, group([untilAborted.s(file), untilAborted.s(file), echo.s(1), echo.s(2)]));
    await until("both run", () => linesOf(file).length === 2);
    await until("both slots are busy", async () => (await runtime.health()).slots?.busy === 2);
    const { store, workers, slots, queues } = await runtime.health();
    expect({ store, workers, slots }).toEqual({
      store: { writable: true },
      workers: { total: 1, ready: 1, restarts: 0 },
      slots: { total: 2, busy: 2 },
    });
    expect(queues[ENGINE_QUEUE]).toMatchObject({ ready: 0 });
    expect(queues[QUEUE]).toMatchObject({ delayed: 0 });
    appendFileSync(file, "go on\n");
    expect(await ended(runtime, job)).toMatchObject({ state: "success" });
    await until("the slots are free", async () => (await runtime.health()).slots?.busy === 0);
  });

  it("the oldest ready message has the age of its sending", async () => {
    // Nobody takes messages.
    const { runtime } = await startTestRuntime({ workers: 0, concurrency: 0 });
    await submit(runtime, echo.s(1));
    await until("it waits", async () => (await runtime.health()).queues[QUEUE]?.ready === 1);
    const before = (await runtime.health()).queues[QUEUE]?.oldestSeconds as number;
    await until("it is older", async () => ((await runtime.health()).queues[QUEUE]?.oldestSeconds ?? 0) > before);
    expect(before).toBeLessThan(60);
  });
});
