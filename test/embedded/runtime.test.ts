import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chord, group } from "../../functions/sdk/index.ts";
import { blocking, count, echo, leaks, noted, notedPid, short, total, untilAborted } from "./fixtures/tasks.ts";
import { ended, linesOf, newFolder, run, startTestRuntime, submit } from "./harness.ts";
import { until } from "./until.ts";

const numbers = (n: number): number[] => Array.from({ length: n }, (_, k) => k);

describe("a runtime", () => {
  it("a runtime folds a chord of 1,000 runs over its worker processes", async () => {
    const { runtime } = await startTestRuntime();
    const job = await run(
      runtime,
      chord(
        numbers(1_000).map((n) => echo.s(n)),
        total.s(),
      ),
    );
    expect(job).toMatchObject({ state: "success", value: 499_500, countsExact: true, counts: { success: 1_001 } });
  });

  it("a runtime without workers runs tasks in its own process", async () => {
    const { runtime } = await startTestRuntime({ workers: 0 });
    const job = await run(
      runtime,
      chord(
        numbers(200).map((n) => echo.s(n)),
        total.s(),
      ),
    );
    expect(job).toMatchObject({ state: "success", value: 19_900 });
    expect((await runtime.stats()).workers).toEqual([]);
  });

  it("a runtime serves queues that only a signature names", async () => {
    const { runtime } = await startTestRuntime();
    expect(
      await run(runtime, echo.s(7).set({ queue: "special#custom" }).set({ queue: "paris.special" })),
    ).toMatchObject({ state: "success", value: 7 });
  });

  it("a runtime wakes sleeping workers at once", { retry: 3 }, async () => {
    const { runtime } = await startTestRuntime();
    await run(runtime, echo.s(1));
    const times: number[] = [];
    for (const n of numbers(5)) {
      const from = performance.now();
      await run(runtime, echo.s(n));
      times.push(performance.now() - from);
    }
    // Without a wake the poll would find the run, once a second.
    expect(times.toSorted((a, b) => a - b)[2]).toBeLessThan(500);
  });

  it("workers ignore signals from the terminal, which are for their parent", async () => {
    const file = join(newFolder(), "until-aborted");
    const { runtime } = await startTestRuntime();
    const job = await submit(runtime, untilAborted.s(file));
    await until("it runs", () => linesOf(file).length > 0);
    await until("all are ready", async () => (await runtime.stats()).workers.every((worker) => worker.ready));
    for (const { pid } of (await runtime.stats()).workers)
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.kill(pid as number, signal);
    appendFileSync(file, "go on\n");
    expect(await ended(runtime, job)).toMatchObject({ state: "success", value: 1 });
    expect((await runtime.stats()).workers.map((worker) => worker.restarts)).toEqual([0, 0]);
  });

  it("members of a small group share messages once a worker has found their task quick", async () => {
    const { runtime } = await startTestRuntime({ workers: 1 });
    const messages = async (): Promise<number> =>
      Object.values((await runtime.stats()).queues).reduce((sum, { delayed }) => sum + delayed, 0);
    const delayed = async (): Promise<number> => {
      const before = await messages();
      await submit(runtime, group(numbers(16).map((n) => echo.s(n).set({ countdown: 300 }))));
      await until("its messages are sent", async () => (await messages()) > before);
      return (await messages()) - before;
    };
    expect(await delayed()).toBe(16);
    await run(runtime, group(numbers(16).map((n) => echo.s(n))));
    await until("the parent knows", async () => (await delayed()) === 1);
  });

  it("a runtime starts a delayed run when it is due", async () => {
    const { runtime } = await startTestRuntime();
    const job = await run(runtime, echo.s(1).set({ countdown: 1 }));
    expect(job.state).toBe("success");
    expect((job.endedAt as number) - job.createdAt).toBeGreaterThanOrEqual(1_000);
  });
});

describe("leases", () => {
  it("a lease is kept while user code blocks its process for longer, and other runs continue", async () => {
    const folder = newFolder();
    const file = join(folder, "blocking");
    const { runtime } = await startTestRuntime({ engine: { leaseSeconds: 1 } });
    const blocked = await submit(runtime, blocking.s(file, 4_000));
    await until("it blocks", () => linesOf(file).length > 0);
    const other = await run(runtime, group(numbers(50).map((n) => echo.s(n))));
    expect(other.state).toBe("success");
    expect(linesOf(file)).toEqual(["begin 1"]);
    expect(await ended(runtime, blocked)).toMatchObject({ state: "success", value: 1 });
    expect(linesOf(file)).toEqual(["begin 1", "end 1"]);
  });

  it("a run of a cancelled job is aborted, and runs of other jobs are not", async () => {
    const folder = newFolder();
    const [cancelled, other] = [join(folder, "cancelled"), join(folder, "other")];
    const { runtime } = await startTestRuntime({ engine: { leaseSeconds: 1 } });
    const jobs = [await submit(runtime, untilAborted.s(cancelled)), await submit(runtime, untilAborted.s(other))];
    await until("both run", () => linesOf(cancelled).length > 0 && linesOf(other).length > 0);
    expect(await runtime.engine.cancel(jobs[0] as string)).toBe(true);
    expect((await ended(runtime, jobs[0] as string)).state).toBe("cancelled");
    await until("it was aborted", () => linesOf(cancelled).includes("aborted 1"));
    expect(linesOf(other)).toHaveLength(1);
  });

  it("a run is aborted at its deadline and fails with task_timeout", async () => {
    const file = join(newFolder(), "short");
    const { runtime } = await startTestRuntime();
    const job = await run(runtime, short.s(file));
    expect(job).toMatchObject({ state: "failure", error: { reason: "task_timeout" } });
    await until("it was aborted", () => linesOf(file).includes("aborted"));
  });
});

describe("a graceful stop", () => {
  it("a graceful stop lets running tasks finish and leaves the others to the next start", async () => {
    const dataFolder = newFolder();
    const file = join(dataFolder, "noted");
    const first = await startTestRuntime({ dataFolder, concurrency: 4 });
    const job = await submit(
      first.runtime,
      chord(
        numbers(2_000).map(() => noted.si(file)),
        count.s(),
      ),
    );
    await until("some ran", () => linesOf(file).length > 50);
    await first.runtime.stop({ graceSeconds: 10 });
    const before = linesOf(file).length;
    expect(before).toBeLessThan(2_000);
    const second = await startTestRuntime({ dataFolder });
    expect(await ended(second.runtime, job)).toMatchObject({ state: "success", value: 2_000 });
    expect(new Set(linesOf(file)).size).toBe(2_000);
    expect(linesOf(file)).toHaveLength(2_000);
  });

  it("a stop aborts the runs left after its grace without a commit, and the next start resumes them", async () => {
    const dataFolder = newFolder();
    const file = join(dataFolder, "until-aborted");
    const first = await startTestRuntime({ dataFolder });
    const job = await submit(first.runtime, untilAborted.s(file));
    await until("it runs", () => linesOf(file).length > 0);
    await first.runtime.stop({ graceSeconds: 0.2 });
    expect(linesOf(file)).toContain("aborted 1");
    const second = await startTestRuntime({ dataFolder });
    await until("it runs again", () => linesOf(file).some((line) => line.startsWith("begin 2")));
    appendFileSync(file, "go on\n");
    expect(await ended(second.runtime, job)).toMatchObject({ state: "success", value: 2 });
  });
});

describe("a worker process that is recycled", () => {
  it("a worker is replaced after so many runs, lets its runs end, and each of them runs once", async () => {
    const { runtime, log } = await startTestRuntime({ workers: 1, concurrency: 4, recycle: { runs: 20 } });
    const file = join(newFolder(), "begun");
    const processes = (): number => new Set(linesOf(file)).size;
    let runs = 0;
    for (; processes() < 3 && runs < 20_000; runs += 40)
      expect(await run(runtime, group(numbers(40).map(() => notedPid.si(file, 20))))).toMatchObject({
        state: "success",
      });
    expect(processes()).toBeGreaterThan(2);
    expect(linesOf(file)).toHaveLength(runs);
    expect(log).toContainEqual(
      expect.objectContaining({ level: "info", message: expect.stringContaining("it has begun 2") as string }),
    );
    expect(log.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("a worker is replaced when its memory is above the limit, and not before", async () => {
    const { runtime } = await startTestRuntime({ workers: 1, recycle: { memoryMb: 600 } });
    const pids = await Promise.all([run(runtime, leaks.si(1)), run(runtime, leaks.si(1))]);
    expect(new Set(pids.map(({ value }) => value)).size).toBe(1);
    const heavy = await run(runtime, leaks.si(600));
    await until("it is replaced", async () => (await runtime.stats()).workers[0]?.pid !== heavy.value);
    expect((await run(runtime, leaks.si(1))).value).not.toBe(heavy.value);
  });
});

describe("a data folder", () => {
  it("a data folder has one runtime at a time, and a second one fails with the pid of the first", async () => {
    const dataFolder = newFolder();
    const { runtime } = await startTestRuntime({ dataFolder, workers: 0 });
    await expect(startTestRuntime({ dataFolder, workers: 0 })).rejects.toMatchObject({
      code: "data_folder_in_use",
      details: { pid: process.pid },
    });
    await runtime.stop({ graceSeconds: 0 });
    const { runtime: next } = await startTestRuntime({ dataFolder, workers: 0 });
    expect((await next.stats()).epoch).toBe(2);
  });
});
