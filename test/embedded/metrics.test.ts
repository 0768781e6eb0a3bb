import { expect, it } from "vitest";
import { localApp } from "../../functions/embedded/local-app.ts";
import { group } from "../../functions/sdk/index.ts";
import { echo } from "./fixtures/tasks.ts";
import { ended, startTestRuntime, submit } from "./harness.ts";
import { until } from "./until.ts";

const SAMPLE = /^fanfold_[a-z_]+(\{[a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*\})? [0-9.e+-]+$/;

it("U10 GET /metrics adds up what all worker processes have counted, in the text form of Prometheus", async () => {
  const { runtime } = await startTestRuntime({ workers: 2 });
  const { app } = localApp(runtime, () => undefined);
  const job = await submit(runtime, group(Array.from({ length: 40 }, (_, k) => echo.s(k))));
  expect(await ended(runtime, job)).toMatchObject({ state: "success" });
  const read = async (): Promise<readonly string[]> => {
    const response = await app.request("/metrics");
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    return (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  };
  const success = (lines: readonly string[]): number =>
    Number(
      lines
        .find((line) => line.startsWith('fanfold_run_success_total{task="test.echo"'))
        ?.split(" ")
        .at(-1) ?? 0,
    );
  await until("all runs are told", async () => success(await read()) === 40);
  const lines = await read();
  expect(lines.filter((line) => !SAMPLE.test(line))).toEqual([]);
  expect(lines).toContain('fanfold_run_started_total{task="test.echo",task_group="test",site="local"} 40');
  expect(lines).toContain('fanfold_queue_ready{queue="local.default#worker"} 0');
  expect(lines).toContain("fanfold_workers_ready 2");
  expect(lines).toContain("fanfold_store_writable 1");
  const writes = lines.find((line) => line.startsWith("fanfold_store_writes_total"));
  expect(Number(writes?.split(" ")[1])).toBeGreaterThan(40);
});
