import { describe, expect, it } from "vitest";
import { chain, defineTask, group, type SpawnedGroup } from "../../functions/sdk/index.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { Death, Outage, type PortCall, sends, writesHeader, writesRun } from "../engine/scripted-faults.ts";

const WORKER = "local.default#worker";
const child = defineTask({ name: "child", run: (_ctx, n: number) => n });

/** A job of one task that spawns three children with a callback. What ran is counted. */
class Spawner {
  readonly given: unknown[] = [];
  readonly spawned: SpawnedGroup[] = [];
  readonly #callback = defineTask({ name: "callback", run: (_ctx, results: unknown) => void this.given.push(results) });
  readonly #spawner = defineTask({
    name: "spawner",
    run: (ctx) =>
      void this.spawned.push(
        ctx.spawnWithCallback(
          [0, 1, 2].map((n) => child.s(n)),
          this.#callback.s(),
        ),
      ),
  });
  readonly local = new LocalEngine([child, this.#callback, this.#spawner], { headerCacheMs: 0, followDelayMs: 0 });
  jobId = "";

  async start(): Promise<void> {
    this.jobId = (await this.local.engine.submit({ canvas: this.#spawner.s().canvas })).jobId;
  }
  /** Lets everything happen that messages and the sweeper bring about. */
  async end() {
    await this.local.queue.releaseAll();
    for (let minute = 0; minute < 30; minute++) {
      await this.local.untilQuiet();
      if ((await this.local.engine.job(this.jobId))?.endedAt !== undefined) break;
      this.local.clock.set(this.local.clock.now() + 60_000);
      await this.local.engine.sweep();
    }
    return this.local.engine.job(this.jobId);
  }
  /** Handles messages until the process dies at the first matching call. */
  async dies(matches: (call: PortCall) => boolean): Promise<boolean> {
    const death = new Death(matches);
    return this.#until(this.local.over(this.local, death.around), death.died);
  }
  /** Handles messages until one of them is not acknowledged, because the first matching call has failed. */
  async fails(matches: (call: PortCall) => boolean): Promise<boolean> {
    return this.#until(this.local.over(this.local, new Outage(matches).around), new Promise(() => undefined));
  }
  async #until(engine: Engine, died: Promise<void>): Promise<boolean> {
    for (;;) {
      const [message] = await this.local.queue.receive(["engine", WORKER], 1, 30);
      if (!message) return false;
      const handled = engine.handle(message, LocalEngine.loop).then(
        () => "done",
        () => "failed",
      );
      const end = await this.local.passing(Promise.race([handled, died.then(() => "dead")]));
      if (end !== "done") return true;
      await this.local.queue.ack([message.id]);
    }
  }
}
const WELL = { state: "success", counts: { success: 5 }, countsExact: true };

describe("a spawn with a callback", () => {
  it("D002 is stored before any child is sent: the callback, the children and their number", async () => {
    const spawner = new Spawner();
    await spawner.start();
    const gid = `${spawner.jobId}.0.g.0.g`;
    expect(await spawner.dies(sends("members", gid))).toBe(true);
    expect(await spawner.local.engine.group(gid)).toMatchObject({
      total: 3,
      remaining: 3,
      callbackRunId: `${spawner.jobId}.0.g.0~1`,
    });
    expect(await spawner.local.engine.run(`${spawner.jobId}.0`)).toMatchObject({ status: "waiting" });
    expect(await spawner.end()).toMatchObject(WELL);
    expect(spawner.given).toEqual([[0, 1, 2]]);
  });
  it("D011 whose child cannot be sent is sent again, and the callback runs once all have ended", async () => {
    const spawner = new Spawner();
    await spawner.start();
    expect(await spawner.fails(sends("members", `${spawner.jobId}.0.g.0.g`))).toBe(true);
    expect(await spawner.end()).toMatchObject(WELL);
    expect(spawner.given).toEqual([[0, 1, 2]]);
  });
  it.each([
    ["before the run waits for its children", (jobId: string) => writesRun(`${jobId}.0`, "waiting")],
    ["before the group of children and callback exists", (jobId: string) => writesHeader(`${jobId}.0.g`)],
    ["before the group of the children exists", (jobId: string) => writesHeader(`${jobId}.0.g.0.g`)],
    ["before the group has decided", (jobId: string) => writesHeader(`${jobId}.0.g.0.g`, "outcome")],
    ["before the callback exists", (jobId: string) => writesRun(`${jobId}.0.g.0~1`)],
  ])("D012 whose process dies %s has the ids that were told before, and runs once", async (_when, at) => {
    const spawner = new Spawner();
    await spawner.start();
    expect(await spawner.dies(at(spawner.jobId))).toBe(true);
    expect(await spawner.end()).toMatchObject(WELL);
    expect(new Set(spawner.spawned.map(({ groupId }) => groupId))).toEqual(new Set([`${spawner.jobId}.0.g.0.g`]));
    expect(spawner.given).toEqual([[0, 1, 2]]);
  });
  it("D012 that a retry begins anew after another step has a group of that round, and is told its ids", async () => {
    let broken = true;
    const spawned: SpawnedGroup[] = [];
    const flaky = defineTask({ name: "flaky", run: () => (broken ? Promise.reject(new Error("no")) : null) });
    const spawner = defineTask({
      name: "spawner",
      run: (ctx) => void spawned.push(ctx.spawnWithCallback([child.s(1)], child.si(2))),
    });
    const local = new LocalEngine([child, flaky, spawner]);
    const { canvas } = chain(group([flaky.s()], { policy: "settled" }), spawner.si());
    const { jobId } = await local.engine.submit({ canvas });
    await local.untilQuiet();
    broken = false;
    await local.engine.retry(jobId, {});
    await local.untilQuiet();
    expect(spawned.map(({ groupId }) => groupId)).toEqual([`${jobId}.0~1.g.0.g`, `${jobId}.0~1.g1.0.g`]);
    for (const { groupId, callbackId, childIds } of spawned.slice(1)) {
      expect(await local.engine.group(groupId)).toMatchObject({ state: "complete", callbackRunId: callbackId });
      expect(await local.engine.run(childIds.at(0) ?? "")).toMatchObject({ status: "success", value: 1 });
    }
  });
  it("D043 goes on after its queues have lost every message", async () => {
    const spawner = new Spawner();
    await spawner.start();
    expect(await spawner.dies(sends("members", `${spawner.jobId}.0.g.0.g`))).toBe(true);
    await spawner.local.queue.releaseAll();
    for (let lost = await lose(spawner.local); lost > 0;) lost = await lose(spawner.local);
    expect(spawner.given).toEqual([]);
    expect(await spawner.end()).toMatchObject(WELL);
    expect(spawner.given).toEqual([[0, 1, 2]]);
  });
});
async function lose({ queue }: LocalEngine): Promise<number> {
  const messages = await queue.receive(["engine", WORKER], 100, 30);
  await queue.ack(messages.map(({ id }) => id));
  return messages.length;
}
