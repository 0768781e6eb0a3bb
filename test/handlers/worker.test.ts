import { describe, expect, it, vi } from "vitest";
import { PortError } from "../../functions/engine/ports.ts";
import * as examples from "../../functions/tasks/examples.ts";
import { chain, chord, defineTask, group } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { contextOf, eventOf, recordOf, TASK_QUEUE, TestDeployment, type DeploymentOptions } from "./deployment.ts";

const { add, fail, noop, sleep, sum } = examples;

/** Makes a task that runs until `finish` is called or its signal aborts. */
function heldTask() {
  const aborts: unknown[] = [];
  const finishers: (() => void)[] = [];
  const held = defineTask({
    name: "held",
    timeout: 900,
    run: (ctx) =>
      new Promise<string>((resolve, reject) => {
        finishers.push(() => resolve("done"));
        ctx.signal.addEventListener("abort", () => {
          aborts.push(ctx.signal.reason);
          reject(ctx.signal.reason as Error);
        });
      }),
  });
  const finish = () => {
    for (const each of finishers) each();
  };
  return { held, aborts, finish };
}
const deploy = (options?: DeploymentOptions, tasks: Record<string, unknown> = {}): TestDeployment =>
  new TestDeployment({ ...examples, ...tasks }, options);
async function submit(deployment: TestDeployment, canvas: Parameters<typeof canvasOf>[0]): Promise<string> {
  const { engine } = await deployment.engine();
  return (await engine.submit({ canvas: canvasOf(canvas) })).jobId;
}
async function jobOf(deployment: TestDeployment, jobId: string) {
  return (await deployment.engine()).engine.job(jobId);
}

describe("worker and control", () => {
  it("worker and control carry a chord to its end", async () => {
    const deployment = deploy();
    const jobId = await submit(deployment, chord(group(Array.from({ length: 40 }, (_, i) => add.s(i, i))), sum.s()));
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({ state: "success", value: 1560, counts: { success: 41 } });
  });

  it("worker and control end nested groups whose members fail", async () => {
    const deployment = deploy();
    const inner = chord(group([add.s(1, 1), add.s(2, 2)]), sum.s());
    const jobId = await submit(
      deployment,
      chain(group([inner, fail.signature([], { message: "no" }), noop.s()]), sum.si([])),
    );
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({ state: "failure", error: { message: "no" } });
  });

  it("what failed is counted once for the whole deployment: runs by those that ended, and jobs", async () => {
    const deployment = deploy();
    await submit(deployment, group([fail.s(), fail.s(), noop.s()], { policy: "settled" }));
    await submit(deployment, noop.s());
    await deployment.untilQuiet();
    const total: Record<string, number> = {};
    for (const line of deployment.lines) {
      const { CloudWatchMetrics } = line["_aws"] as unknown as {
        CloudWatchMetrics: readonly { Dimensions: readonly string[][]; Metrics: readonly { Name: string }[] }[];
      };
      for (const { Dimensions, Metrics } of CloudWatchMetrics)
        for (const { Name } of Dimensions[0]!.length === 1 ? Metrics : [])
          total[Name] = (total[Name] ?? 0) + Number(line[Name]);
    }
    const counted = { run_started: 4, run_success: 2, run_error: 2 };
    expect(total).toEqual({ Runs: 4, RunsFailed: 2, Jobs: 2, JobsFailed: 1, ...counted });
    expect(deployment.lines).toContainEqual(
      expect.objectContaining({ message: "task", task: "fail", task_group: "fail", site: "home", run_error: 2 }),
    );
  });

  it("S140 statistics are flushed at the end of each invocation, for a few write units", async () => {
    const deployment = deploy();
    await submit(deployment, group(Array.from({ length: 10 }, () => noop.s())));
    await deployment.untilQuiet();
    const { engine } = await deployment.engine();
    const { items } = await engine.statistics({ site: "home" });
    expect(items).toMatchObject([{ task: "noop", life: { counts: { success: 10 } } }]);
    expect((await engine.sites([TASK_QUEUE]))[0]).toMatchObject({ site: "home", workers: 1 });
  });
  it("a function whose statistics are refused does its work", async () => {
    const deployment = deploy();
    const write = deployment.store.write.bind(deployment.store);
    deployment.store.write = (op) =>
      /^S[TQ]/.test(op.key.partition) ? Promise.reject(new PortError("throttled", "not now")) : write(op);
    const jobId = await submit(deployment, noop.s());
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({ state: "success" });
    deployment.store.write = write;
    await submit(deployment, noop.s());
    await deployment.untilQuiet();
    const { engine } = await deployment.engine();
    expect((await engine.statistics({ task: "noop" })).items[0]?.life.counts.success).toBe(2);
  });
  it("a message of an unknown release comes back for as long as a roll-out may take, and what is no message is kept", async () => {
    const deployment = deploy();
    await submit(deployment, noop.s());
    const [message] = await deployment.queue.receive([TASK_QUEUE], 1, 60);
    const { batchItemFailures } = await deployment.worker(
      eventOf(
        recordOf(TASK_QUEUE, "text", "not json"),
        recordOf(TASK_QUEUE, "good", JSON.stringify(message!.body)),
        recordOf(TASK_QUEUE, "new", '{"v":99}'),
      ),
      contextOf(),
    );
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(["new"]);
    expect(deployment.visibility).toEqual([{ receiptHandle: "new", seconds: 180 }]);
    const { engine } = await deployment.engine();
    expect((await engine.deadLetters({})).items).toMatchObject([{ body: "not json", queue: TASK_QUEUE }]);
  });

  it("a task whose code is elsewhere is left to a worker that has it", async () => {
    const deployment = deploy();
    const jobId = await submit(deployment, noop.s());
    const { createHandler } = await import("../../functions/handlers/worker.ts");
    const other = createHandler({ ...deployment.code, modules: [{ add }] }, deployment.open);
    const [message] = await deployment.queue.receive([TASK_QUEUE], 1, 60);
    const record = recordOf(TASK_QUEUE, message!.id, JSON.stringify(message!.body));
    expect((await other(eventOf(record), contextOf())).batchItemFailures).toHaveLength(1);
    expect(deployment.visibility.at(-1)!.seconds).toBeGreaterThan(0);
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({ state: "success" });
  });

  it("a message is returned with a delay when the store is out of reach", async () => {
    const deployment = deploy();
    await submit(deployment, noop.s());
    const { store } = deployment;
    const [write, writeMany] = [store.write.bind(store), store.writeMany.bind(store)];
    const outage = (): Promise<never> => Promise.reject(new Error("outage"));
    Object.assign(store, { write: outage, writeMany: outage });
    expect(await deployment.invoke(TASK_QUEUE)).toHaveLength(1);
    expect(deployment.visibility.at(-1)!.seconds).toBe(2);
    Object.assign(store, { write, writeMany });
    await deployment.untilQuiet();
  });
});

describe("the end of an invocation", () => {
  it("the end of an invocation returns messages that were not begun, and stops running attempts without counting a failure", async () => {
    const { held, aborts } = heldTask();
    const deployment = deploy({ concurrency: 1 }, { held });
    // The first held run begins too late to have a whole invocation.
    const jobId = await submit(deployment, group([sleep.s(0.3), held.s(), held.s()]));
    await deployment.untilQuiet(["engine"]);
    const failures = await deployment.invoke(TASK_QUEUE, 2_000);
    expect(failures).toHaveLength(2);
    expect(aborts).toHaveLength(1);
    expect(deployment.visibility.filter(({ seconds }) => seconds === 0)).toHaveLength(2);
    const { items } = await (await deployment.engine()).engine.runs(jobId, {});
    const [run, ...others] = items.filter(({ task }) => task === "held");
    expect(others).toEqual([]);
    expect(run).toMatchObject({ status: "queued", attempt: 1 });
    expect(run).not.toHaveProperty("error");
    expect(deployment.lines.findLast((line) => "RunsStopped" in line)).toMatchObject({
      RunsStopped: 1,
      Messages: 3,
      MessagesDone: 1,
    });
  });

  it("a run that began with its invocation reaches its own limit, so it cannot start again for ever", async () => {
    const { held } = heldTask();
    const deployment = deploy(undefined, { held });
    const jobId = await submit(deployment, held.s());
    expect(await deployment.invoke(TASK_QUEUE, 1_000)).toEqual([]);
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({
      state: "failure",
      error: { message: expect.stringContaining("ran longer than its") },
    });
  });

  it("an invocation leaves no timer behind", async () => {
    const deployment = deploy();
    await submit(deployment, group([noop.s(), sleep.s(0.05)]));
    await deployment.untilQuiet(["engine"]);
    const running = watchTimers();
    try {
      expect(await deployment.invoke(TASK_QUEUE)).toEqual([]);
      expect(running.started).toBeGreaterThan(3);
      expect([...running.timers]).toEqual([]);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

/** Watches the timers that start from now on. `timers` holds those that have neither fired nor been cleared. */
function watchTimers(): { readonly timers: ReadonlySet<unknown>; started: number } {
  const timers = new Set<unknown>();
  const watched = { timers, started: 0 };
  const { setTimeout: start, setInterval: repeat, clearTimeout: stop, clearInterval: end } = globalThis;
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((
    work: (...args: unknown[]) => void,
    ms: number,
    ...args: unknown[]
  ) => {
    const timer = start(() => {
      timers.delete(timer);
      work(...args);
    }, ms);
    timers.add(timer);
    watched.started++;
    return timer;
  }) as typeof setTimeout);
  vi.spyOn(globalThis, "setInterval").mockImplementation(((work: () => void, ms: number) => {
    const timer = repeat(work, ms);
    timers.add(timer);
    watched.started++;
    return timer;
  }) as typeof setInterval);
  vi.spyOn(globalThis, "clearTimeout").mockImplementation((timer) => {
    timers.delete(timer);
    stop(timer);
  });
  vi.spyOn(globalThis, "clearInterval").mockImplementation((timer) => {
    timers.delete(timer);
    end(timer);
  });
  return watched;
}

describe("a long run", () => {
  it("a long run keeps its lease, and its message stays invisible", async () => {
    const { held, finish } = heldTask();
    const deployment = deploy({ engine: { leaseSeconds: 2, skewMarginSeconds: 0 } }, { held });
    const jobId = await submit(deployment, held.s());
    const invoked = deployment.invoke(TASK_QUEUE);
    await until(() => deployment.visibility.length >= 2);
    finish();
    expect(await invoked).toEqual([]);
    expect(deployment.visibility.every(({ seconds }) => seconds === 7)).toBe(true);
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({ state: "success", value: "done" });
  });

  it("a long run is aborted when its job is cancelled", async () => {
    const { held, aborts } = heldTask();
    const deployment = deploy({ engine: { leaseSeconds: 2 } }, { held });
    const jobId = await submit(deployment, held.s());
    const invoked = deployment.invoke(TASK_QUEUE);
    await until(() => deployment.store.table.snapshot().some((item) => item.attributes["r_status"] === "started"));
    await (await deployment.engine()).engine.cancel(jobId);
    expect(await invoked).toEqual([]);
    expect(aborts).toHaveLength(1);
    await deployment.untilQuiet();
    expect(await jobOf(deployment, jobId)).toMatchObject({ state: "cancelled" });
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
