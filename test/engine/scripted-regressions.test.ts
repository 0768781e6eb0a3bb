import { describe, expect, it } from "vitest";
import { type Disposition, PortError, type Ports, type ReceivedMessage, type WriteOp } from "../../functions/engine/ports.ts";
import type { WorkerLoop } from "../../functions/engine/worker-loop.ts";
import { type AnyTask, chain, defineTask, group, TaskError } from "../../functions/sdk/index.ts";
import { LocalEngine } from "./local-engine.ts";

/**
 * Errors of the engine that the simulation found in what came after test/engine/regressions.test.ts, each as a script: which message is handled when, which
 * write fails. Nothing here depends on a seed.
 */
const WORKER = "local.default#worker";

/** A point where somebody waits until a script lets it go on. */
class Gate {
  /** Resolves when somebody waits here. */
  readonly met: Promise<void>;
  readonly #opened: Promise<void>;
  #meet = (): void => undefined;
  open = (): void => undefined;

  constructor() {
    this.met = new Promise((resolve) => (this.#meet = resolve));
    this.#opened = new Promise((resolve) => (this.open = resolve));
  }
  pass(): Promise<void> {
    this.#meet();
    return this.#opened;
  }
}

/** While it is armed, the first write that matches finds no store. */
class Outage {
  readonly #matches: (op: WriteOp) => boolean;
  armed = true;

  constructor(matches: (op: WriteOp) => boolean) {
    this.#matches = matches;
  }
  readonly around = (ports: Ports): Ports => {
    const { store } = ports;
    const fail = (ops: readonly WriteOp[]): void => {
      if (!this.armed || !ops.some(this.#matches)) return;
      this.armed = false;
      throw new PortError("outage", "the script says so");
    };
    const write: typeof store.write = async (op) => {
      fail([op]);
      return store.write(op);
    };
    const writeMany: typeof store.writeMany = async (ops) => {
      fail(ops);
      return store.writeMany(ops);
    };
    return {
      ...ports,
      store: {
        get: (...given) => store.get(...given),
        getMany: (...given) => store.getMany(...given),
        query: (...given) => store.query(...given),
        queryIndex: (...given) => store.queryIndex(...given),
        write,
        writeMany,
      },
    };
  };
}

/** Slots that have been lent and not come back. */
function countingLoop(): WorkerLoop & { lent: number } {
  const loop = {
    lent: 0,
    lend: () => {
      loop.lent++;
      let back = false;
      return {
        release: () => {
          if (!back) loop.lent--;
          back = true;
        },
      };
    },
    takeSlot: () => Promise.resolve(loop.lend()),
    tryTakeSlot: () => loop.lend(),
    hold: () => ({ ready: undefined, narrow: () => undefined, release: () => undefined }),
  };
  return loop;
}
const engineOf = (tasks: readonly AnyTask[], outage?: Outage): LocalEngine => new LocalEngine(tasks, {}, ["engine", WORKER], outage?.around);

/** The only message there is. */
async function received(local: LocalEngine): Promise<ReceivedMessage & { readonly id: string }> {
  const [message, another] = await local.queue.receive(local.queues, 10, 30);
  if (!message || another) throw new Error("one message was expected");
  return message;
}
/** Until the members of a job's group have been sent. */
async function untilExpanded(local: LocalEngine, jobId: string): Promise<void> {
  while ((await local.engine.runs(jobId, {})).items.every(({ status }) => status !== "waiting")) await local.turn();
}
const one = defineTask({ name: "one", run: () => 1 });

describe("errors that the simulation found, as scripts", () => {
  it("a follow-up that fails after it has created a step in place gives its slot back, and the step to the message's next delivery", async () => {
    // Progress is counted beside everything else, and awaited last.
    const outage = new Outage(({ key }) => key.partition.startsWith("P#"));
    outage.armed = false;
    const two = defineTask({ name: "two", run: () => 2 });
    const local = engineOf([one, two], outage);
    const { jobId } = await local.engine.submit({ canvas: chain(one.s(), two.si()).canvas });
    const message = await received(local);
    const loop = countingLoop();
    outage.armed = true;
    await expect(local.engine.handle(message, loop)).rejects.toThrow("the script says so");
    expect(loop.lent).toBe(0);
    expect(await local.engine.run(`${jobId}.0~1`)).toMatchObject({ status: "queued" });
    const before = local.clock.now();
    await local.queue.later(message.id, 0);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 2 });
    expect(local.clock.now() - before).toBeLessThan(10_000);
  });

  it("a run that is revoked while it waits for a slot is not started", async () => {
    let executed = 0;
    const counted = defineTask({ name: "counted", run: () => ++executed });
    const local = engineOf([counted]);
    const { jobId } = await local.engine.submit({ canvas: group([counted.s()]).canvas });
    await untilExpanded(local, jobId);
    const message = await received(local);
    const gate = new Gate();
    const loop = countingLoop();
    const handled = local.engine.handle(message, { ...loop, takeSlot: (alone) => gate.pass().then(() => loop.takeSlot(alone)) });
    await gate.met;
    expect(await local.over(local).revoke(`${jobId}.0.g.0`)).toBe(true);
    // What was read before the wait is believed for some seconds.
    local.clock.advance(60_000);
    gate.open();
    const disposition = await handled;
    if (disposition.kind === "later") await local.queue.later(message.id, disposition.delaySeconds);
    await local.untilQuiet();
    expect(executed).toBe(0);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { cancelled: 1 } });
  });

  it("a next step that is created as revoked does not run in place", async () => {
    const run: { local?: LocalEngine; jobId?: string } = {};
    const revoking = defineTask({ name: "revoking", run: () => run.local?.over(run.local).revoke(`${run.jobId}.0~1`) });
    let executed = 0;
    const counted = defineTask({ name: "counted", run: () => ++executed });
    const local = (run.local = engineOf([revoking, counted]));
    const { jobId } = await local.engine.submit({ canvas: chain(revoking.s(), counted.si()).canvas });
    run.jobId = jobId;
    await local.untilQuiet();
    expect(executed).toBe(0);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, cancelled: 1 } });
  });

  it("below a decided group a step that ran in place is followed again by the message of the step before", async () => {
    // The step in place decides its group, and the process ends before the decision is followed.
    const outage = new Outage((op) => op.op === "update" && op.change.set?.["collects"] !== undefined);
    const bad = defineTask({
      name: "bad",
      run: (): never => {
        throw new TaskError("bad", { retryable: false });
      },
    });
    const local = engineOf([one, bad], outage);
    const { jobId } = await local.engine.submit({ canvas: group([chain(one.s(), bad.si())], { policy: "failFast" }).canvas });
    await untilExpanded(local, jobId);
    const message = await received(local);
    await expect(local.engine.handle(message, LocalEngine.loop)).rejects.toThrow("the script says so");
    expect(await local.engine.run(`${jobId}.0.g.0~1`)).toMatchObject({ status: "error" });
    await local.queue.later(message.id, 0);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, error: 1 } });
  });

  it("a row that fails beside a member that has ended well without one does not fail a failFast group", async () => {
    const { local, jobId, deliveries, ends } = await deliveredTwice("failFast");
    ends[0].open();
    await deliveries[0];
    ends[1].open();
    await deliveries[1];
    expect(await local.engine.run(`${jobId}.0.g.0`)).toMatchObject({ status: "error" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 2 } });
  });

  it("a reader is told of a member without a row only what its mark says", async () => {
    const { local, jobId, deliveries, ends } = await deliveredTwice("settled", new Outage(({ key }) => key.partition.startsWith("L#")));
    const read = async (): Promise<unknown[]> => {
      const values: unknown[] = [];
      for await (const { index, value, error } of local.engine.results(jobId)) values.push([index, error?.message ?? value]);
      return values;
    };
    ends[1].open();
    await expect(deliveries[1]).rejects.toThrow("the script says so");
    expect(await local.engine.run(`${jobId}.0.g.0`)).toMatchObject({ status: "error" });
    expect(await read()).toEqual([]);
    ends[0].open();
    await deliveries[0];
    expect(await read()).toEqual([[0, "ended well"]]);
    await local.untilQuiet();
    expect(await read()).toEqual([
      [0, "ended well"],
      [1, "ended well"],
    ]);
  });
});

/**
 * Member 0 of a ledger group of two is handled twice at the same time, and both deliveries run it: the first, without a claim, ends well once `ends[0]` is open;
 * the second, in a row, fails once `ends[1]` is. Member 1 has not been handled.
 */
async function deliveredTwice(policy: "failFast" | "settled", outage?: Outage) {
  const ends = [new Gate(), new Gate()] as const;
  let calls = 0;
  const task = defineTask({
    name: "task",
    run: async (_ctx, index: number) => {
      const call = index === 0 ? calls++ : ends.length;
      await ends[call]?.pass();
      if (call === 1) throw new TaskError("failed in a row", { retryable: false });
      return "ended well";
    },
  });
  const local = engineOf([task], outage);
  const { jobId } = await local.engine.submit({ canvas: group([task.s(0), task.s(1)], { tracking: "ledger", policy }).canvas });
  await untilExpanded(local, jobId);
  const body = { v: 1, kind: "members", gid: `${jobId}.0.g`, step: 0, members: [0] };
  const handle = async (receives: number): Promise<Disposition> => local.engine.handle({ queue: WORKER, body, receives }, LocalEngine.loop);
  const first = handle(1);
  await ends[0].met;
  const second = handle(2);
  await ends[1].met;
  return { local, jobId, deliveries: [first, second] as const, ends };
}
