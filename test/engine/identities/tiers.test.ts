import { describe, expect, it } from "vitest";
import { defineTask, TaskBroken } from "../../../functions/sdk/index.ts";
import type { TaskSettings } from "../../../functions/sdk/task-settings.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const MINUTE = 60_000;
type Fails = "error" | "broken" | "no";

/** A task that fails as it is told to, and notes when it was called, in minutes since it was last reset. */
class Flaky {
  fails: Fails = "error";
  readonly calls: number[] = [];
  readonly settings: Partial<TaskSettings>;
  local!: LocalEngine;
  #from = 0;

  constructor(settings: Partial<TaskSettings> = { tiers: "snoop" }) {
    this.settings = settings;
    this.local = this.release(0);
    this.#from = this.local.clock.now();
  }
  release(version: number, on?: LocalEngine): LocalEngine {
    const run = (): string => {
      this.calls.push(Math.round((this.local.clock.now() - this.#from) / MINUTE));
      if (this.fails === "error") throw new Error("unreachable");
      if (this.fails === "broken") throw new TaskBroken("cannot be read", "unreadable");
      return "well";
    };
    const task = defineTask({ dedupe: "forever", ...this.settings, name: "flaky", version, run });
    this.task = task as never;
    return new LocalEngine([task], {}, on ? { on } : {});
  }
  task!: ReturnType<typeof defineTask>;
  async ask(): Promise<{ readonly state: string | undefined; readonly shared: string }> {
    const { jobId } = await this.local.engine.submit({ canvas: this.task.signature([], {}, {}).canvas });
    await this.local.untilQuiet();
    const [run] = (await this.local.engine.runs(jobId, {})).items;
    return { state: (await this.local.engine.job(jobId))?.state, shared: run?.adopts?.runId ?? "" };
  }
  /** Lets time pass in which the sweeper makes its rounds. */
  async pass(minutes: number, by = 1, local = this.local): Promise<void> {
    for (let minute = 0; minute < minutes; minute += by) {
      local.clock.set(local.clock.now() + by * MINUTE);
      await local.engine.sweep();
      await local.untilQuiet();
    }
  }
}
const runOf = (flaky: Flaky, runId: string) => flaky.local.engine.run(runId);

describe("tiers of a failed shared run", () => {
  it("S103 S104 S105 S106 S107 let it run again twice after 4 minutes, thrice after 120, thrice after 4,000", async () => {
    for (const fails of ["error", "broken"] as const) {
      const flaky = new Flaky();
      flaky.fails = fails;
      const { state, shared } = await flaky.ask();
      expect(state).toBe("failure");
      await flaky.pass(3);
      expect(flaky.calls).toHaveLength(1);
      await flaky.pass(400);
      expect(flaky.calls).toEqual([0, 4, 8, 128, 248, 368]);
      const begun = flaky.local.clock.now();
      const run = await runOf(flaky, shared);
      expect(run).toMatchObject({ status: fails, failures: 6, round: 5, why: { of: "tier", failures: 5 } });
      expect((run?.retryAt ?? 0) - (run?.endedAt ?? 0)).toBe(4_000 * MINUTE);
      await flaky.pass(16_000, 40);
      expect(flaky.calls).toHaveLength(9);
      expect(flaky.local.clock.now() - begun).toBeGreaterThan(12_000 * MINUTE);
      const last = await runOf(flaky, shared);
      expect(last).toMatchObject({ status: fails, failures: 9 });
      expect(last).not.toHaveProperty("retryAt");
    }
  });
  it("S047 count from one again after a good end, and after a version", async () => {
    const flaky = new Flaky();
    const { shared } = await flaky.ask();
    await flaky.pass(10);
    expect(await runOf(flaky, shared)).toMatchObject({ failures: 3 });
    flaky.fails = "no";
    await flaky.pass(130);
    expect(await runOf(flaky, shared)).toMatchObject({ status: "success", value: "well", why: { of: "tier" } });
    expect(await runOf(flaky, shared)).not.toHaveProperty("failures");
    flaky.fails = "error";
    const second = (flaky.local = flaky.release(1, flaky.local));
    expect((await flaky.ask()).state).toBe("failure");
    expect(await second.engine.run(shared)).toMatchObject({ failures: 1, version: 1 });
    await flaky.pass(5);
    expect(await second.engine.run(shared)).toMatchObject({ failures: 2 });
    flaky.local = flaky.release(2, flaky.local);
    expect((await flaky.ask()).state).toBe("failure");
    expect(await runOf(flaky, shared)).toMatchObject({ failures: 1, version: 2 });
  });
  it("leave what the task has called broken, unless they say so", async () => {
    const tiers = { steps: [{ failures: 3, afterSeconds: 60 }] };
    const flaky = new Flaky({ tiers });
    flaky.fails = "broken";
    const { shared } = await flaky.ask();
    await flaky.pass(10);
    expect(flaky.calls).toHaveLength(1);
    expect(await runOf(flaky, shared)).not.toHaveProperty("failures");
    const other = new Flaky({ tiers: { ...tiers, broken: true } });
    other.fails = "broken";
    await other.ask();
    await other.pass(10);
    expect(other.calls).toEqual([0, 1, 2]);
  });
  it("S117 S119 let one run again that was killed, also when nobody waits for it", async () => {
    const flaky = new Flaky();
    const { engine, queue, clock } = flaky.local;
    flaky.fails = "no";
    const { jobId } = await engine.submit({ canvas: flaky.task.signature([], {}, {}).canvas });
    // Its message is given up again and again, until the engine breaks the run.
    const handle = engine.handle.bind(engine);
    let kills = true;
    Object.assign(engine, {
      handle: (...[message, loop]: Parameters<typeof handle>) =>
        kills && (message.body as { readonly gid?: string }).gid?.startsWith("~")
          ? Promise.resolve({ kind: "later" as const, delaySeconds: 1 })
          : handle(message, loop),
    });
    await flaky.local.untilQuiet();
    const [run] = (await engine.runs(jobId, {})).items;
    const shared = run?.adopts?.runId ?? "";
    expect(await engine.run(shared)).toMatchObject({ status: "broken", failures: 1, error: { reason: "dead_letter" } });
    kills = false;
    await flaky.pass(5);
    expect(await engine.run(shared)).toMatchObject({ status: "success", round: 1 });
    expect(await queue.nextVisibleAt(flaky.local.queues)).toBeUndefined();
    expect(clock.now()).toBeGreaterThan(0);
  });
  it("send the message again when the process dies that has begun the round", async () => {
    const flaky = new Flaky();
    const { shared } = await flaky.ask();
    flaky.local.clock.set(flaky.local.clock.now() + 5 * MINUTE);
    // The sweeper has begun the round, and its message is lost.
    await flaky.local.engine.sweep();
    const lost = await flaky.local.queue.receive(["local.default#worker"], 10, 30);
    expect(lost).toHaveLength(1);
    await flaky.local.queue.ack(lost.map(({ id }) => id));
    await flaky.local.untilQuiet();
    expect(await runOf(flaky, shared)).toMatchObject({ status: "queued", round: 1 });
    await flaky.pass(3);
    expect(await runOf(flaky, shared)).toMatchObject({ status: "error", failures: 2 });
  });
  it("leave a run to a release with its version, and drop those of a task that is no more", async () => {
    const flaky = new Flaky();
    flaky.local = flaky.release(1, flaky.local);
    const newer = flaky.local;
    const { shared } = await flaky.ask();
    const older = flaky.release(0, newer);
    await flaky.pass(20, 1, older);
    expect(flaky.calls).toHaveLength(1);
    await flaky.pass(1, 1, newer);
    expect(flaky.calls).toHaveLength(2);
    const without = new LocalEngine([], {}, { on: newer });
    await flaky.pass(70, 1, without);
    await flaky.pass(10, 1, newer);
    expect(flaky.calls).toHaveLength(2);
    expect(await newer.engine.run(shared)).toMatchObject({ failures: 2 });
  });
  it("cost five write units for each failure in a row: begun, claimed, and ended in another place of the index", async () => {
    const flaky = new Flaky();
    const first = countPorts(flaky.local);
    await flaky.ask();
    const plain = new Flaky({});
    const without = countPorts(plain.local);
    await plain.ask();
    const before = { ...first.writes };
    // An entry in the index is one more than without tiers.
    expect(before.headers - without.writes.headers).toBe(1);
    await flaky.pass(5);
    expect(flaky.calls).toEqual([0, 4]);
    // The first round looks once more at the run that took the end before.
    expect(first.writes.headers - before.headers).toBe(5 + 2);
    const later = first.writes.headers;
    await flaky.pass(5);
    expect(flaky.calls).toEqual([0, 4, 8]);
    expect(first.writes.headers - later).toBe(5);
  });
});
