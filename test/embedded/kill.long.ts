import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FileBlobs } from "../../functions/embedded/blobs/file-blobs.ts";
import { LocalBlobs } from "../../functions/embedded/blobs/local-blobs.ts";
import { LmdbEnvironment } from "../../functions/embedded/lmdb/lmdb-environment.ts";
import { LmdbQueue } from "../../functions/embedded/lmdb/lmdb-queue.ts";
import { LmdbStore } from "../../functions/embedded/lmdb/lmdb-store.ts";
import type { Runtime } from "../../functions/embedded/runtime.ts";
import { EMBEDDED_CONFIG, foldersOf } from "../../functions/embedded/settings.ts";
import type { RunView } from "../../functions/engine/contract.ts";
import { createEngine } from "../../functions/engine/engine.ts";
import { SystemClock } from "../../functions/host/system-clock.ts";
import { SystemIds } from "../../functions/host/system-ids.ts";
import { chord, createRegistry, createRunner, group } from "../../functions/sdk/index.ts";
import { Death, type PortCall } from "../engine/scripted-faults.ts";
import { count, echo, killsAlways, killsOnce, noted, notedSlowly, stuckOnce, untilAborted } from "./fixtures/tasks.ts";
import { ended, linesOf, newFolder, run, startRuntimeProcess, startTestRuntime, submit, workersOf } from "./harness.ts";
import { until } from "./until.ts";

const numbers = (n: number): number[] => Array.from({ length: n }, (_, k) => k);

async function runsOf(runtime: Runtime, jobId: string): Promise<RunView[]> {
  const runs: RunView[] = [];
  let cursor: string | undefined;
  do {
    const page = await runtime.engine.runs(jobId, cursor === undefined ? {} : { cursor });
    runs.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return runs;
}

describe("kill -9 of a worker", () => {
  it("a run whose worker is killed is taken over at once and finishes", async () => {
    const file = join(newFolder(), "kills-once");
    // The lease expires long after the test.
    const { runtime, log } = await startTestRuntime({ engine: { leaseSeconds: 600 } });
    expect(await run(runtime, killsOnce.s(file))).toMatchObject({ state: "success", value: 2 });
    expect(log.map((line) => line.message)).toContain("a worker process died");
    await until("the worker was replaced", async () => (await runtime.stats()).workers.every((worker) => worker.ready));
  });

  it("S115 S119 a run that kills its worker three times alone is broken, and other runs are not affected", async () => {
    const folder = newFolder();
    const [killer, other] = [join(folder, "killer"), join(folder, "other")];
    const { runtime } = await startTestRuntime();
    const poisoned = await submit(runtime, killsAlways.s(killer));
    const work = await submit(
      runtime,
      chord(
        numbers(40).map(() => notedSlowly.si(other, 50)),
        count.s(),
      ),
    );
    const job = await ended(runtime, poisoned);
    expect(job).toMatchObject({ state: "failure", error: { reason: "task_killed" }, counts: { broken: 1 } });
    expect(linesOf(killer).length).toBeLessThanOrEqual(4);
    expect(linesOf(killer).length).toBeGreaterThanOrEqual(3);
    expect(await ended(runtime, work)).toMatchObject({ state: "success", value: 40 });
  });

  it("a worker that blocks past the deadline of a run is killed, and the run is retried after a task_timeout", async () => {
    const file = join(newFolder(), "stuck");
    const { runtime, log } = await startTestRuntime();
    const stuck = await submit(runtime, stuckOnce.s(file));
    await until("it blocks", () => linesOf(file).length > 0);
    expect((await run(runtime, group(numbers(20).map((n) => echo.s(n))))).state).toBe("success");
    expect(await ended(runtime, stuck)).toMatchObject({ state: "success", value: 2 });
    expect(log.map((line) => line.message).join()).toContain("past its deadline");
  });
});

describe("a worker that cannot start", () => {
  it("a worker that cannot start is started again after growing pauses, and the runtime can still stop", async () => {
    const tasksModule = fileURLToPath(new URL("./fixtures/tasks-that-break-workers.ts", import.meta.url));
    const { runtime, log } = await startTestRuntime({ tasksModule, workers: 1 });
    const deaths = (): number[] =>
      log
        .filter((line) => line.message === "a worker process died while it started")
        .map((line) => Number(line.fields["restartInMs"]));
    await until("three deaths", () => deaths().length >= 3);
    expect(deaths().slice(0, 3)).toEqual([0, 250, 500]);
    expect(log.map((line) => line.message).join()).toMatch(
      /a worker process cannot start: the tasks of \S+ cannot be loaded: this module does not load in a worker\n {4}at /,
    );
    await runtime.stop({ graceSeconds: 0 });
  });
});

describe("kill -9 of everything", () => {
  it("after a kill of all processes the next start finishes the job and repeats no finished run", async () => {
    const dataFolder = newFolder();
    const file = join(dataFolder, "noted");
    const first = await startRuntimeProcess(dataFolder);
    const submitted = new Promise<string>((resolve) =>
      first.child.once("message", (message) => resolve((message as { jobId: string }).jobId)),
    );
    first.child.send(
      chord(
        numbers(600).map(() => notedSlowly.si(file, 40)),
        count.s(),
      ).canvas,
    );
    const jobId = await submitted;
    await until("a third has run", () => linesOf(file).filter((line) => line.startsWith("end")).length > 200);
    await first.kill();
    await until("the orphans have ended", () => workersOf(dataFolder).length === 0);
    const killedAt = Date.now();
    const { runtime } = await startTestRuntime({ dataFolder });
    expect(await ended(runtime, jobId)).toMatchObject({ state: "success", value: 600 });
    const finished = (await runsOf(runtime, jobId)).filter(
      (each) => each.task === notedSlowly.name && (each.endedAt as number) < killedAt,
    );
    expect(finished.length).toBeGreaterThan(100);
    const begun = linesOf(file).filter((line) => line.startsWith("begin"));
    const executions = new Map<string, number>();
    for (const line of begun) executions.set(line.slice(6), (executions.get(line.slice(6)) ?? 0) + 1);
    expect(executions.size).toBe(600);
    expect(finished.filter((each) => executions.get(each.runId) !== 1)).toEqual([]);
    // Only runs that the two workers held at the kill were begun again.
    expect(begun.length - 600).toBeLessThanOrEqual(64);
  });

  it("runs that a kill of all processes interrupted run side by side again", async () => {
    const dataFolder = newFolder();
    const file = join(dataFolder, "noted");
    const first = await startRuntimeProcess(dataFolder);
    first.child.send(group(numbers(6).map(() => notedSlowly.si(file, 1_000))).canvas);
    await until("all have begun", () => linesOf(file).filter((line) => line.startsWith("begin")).length === 6);
    await first.kill();
    const before = linesOf(file).length;
    await startTestRuntime({ dataFolder, workers: 1 });
    await until("all have ended", () => linesOf(file).filter((line) => line.startsWith("end")).length === 6);
    const resumed = linesOf(file)
      .slice(before)
      .map((line) => line.split(" ")[0]);
    expect(resumed.indexOf("end")).toBe(resumed.filter((word) => word === "begin").length);
  });

  it("after a kill of the parent all its workers end, even one that blocks or waits", async () => {
    const dataFolder = newFolder();
    const file = join(dataFolder, "until-aborted");
    const first = await startRuntimeProcess(dataFolder);
    first.child.send(group([untilAborted.s(file), stuckOnce.s(join(dataFolder, "stuck"))]).canvas);
    await until("both run", () => linesOf(file).length > 0 && linesOf(join(dataFolder, "stuck")).length > 0);
    // A spare is there as well, or about to be.
    expect(workersOf(dataFolder).length).toBeGreaterThanOrEqual(2);
    first.child.kill("SIGKILL");
    await until("the orphans have ended", () => workersOf(dataFolder).length === 0);
  });

  it("the lock of a killed runtime is taken over by the next start", async () => {
    const dataFolder = newFolder();
    const first = await startRuntimeProcess(dataFolder);
    await expect(startTestRuntime({ dataFolder })).rejects.toMatchObject({
      code: "data_folder_in_use",
      details: { pid: first.child.pid },
    });
    await first.kill();
    const { runtime } = await startTestRuntime({ dataFolder });
    expect((await runtime.stats()).epoch).toBe(2);
    expect((await run(runtime, noted.si(join(dataFolder, "noted")))).state).toBe("success");
  });
});

describe("a crash in the middle of a call", () => {
  it("a submission that ended after its root runs within seconds of the next start", async () => {
    const dataFolder = newFolder();
    const death = new Death(({ messages }: PortCall) => messages.length > 0);
    const { database, blobs } = foldersOf(dataFolder);
    mkdirSync(database);
    const environment = new LmdbEnvironment({ folder: database });
    const clock = new SystemClock();
    const ports = {
      store: new LmdbStore(environment),
      queue: new LmdbQueue(environment, { clock, holder: "dead" }),
      blobs: new LocalBlobs(environment, new FileBlobs(blobs)),
      clock,
      ids: new SystemIds(clock),
      registry: createRegistry([echo]),
      runner: createRunner([echo]),
    };
    const jobId = "01JD2Y8ZK5W0E3T7Q9M4R6X8AB";
    void createEngine(death.around(ports), EMBEDDED_CONFIG).submit({ canvas: echo.s(7).canvas, jobId });
    await death.died;
    await environment.close();
    const { runtime } = await startTestRuntime({ dataFolder });
    expect(await ended(runtime, jobId)).toMatchObject({ state: "success", value: 7 });
  });
});
