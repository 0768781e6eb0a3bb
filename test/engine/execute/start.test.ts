import { describe, expect, it } from "vitest";
import { EMBEDDED_CONFIG } from "../../../functions/embedded/settings.ts";
import { DEFAULT_CONFIG, type EngineConfig } from "../../../functions/engine/config.ts";
import { defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Latch, ScriptedLoop, untilExpanded, untilIdle } from "../scripted-faults.ts";

const WORKER = "local.default#worker";

/** A worker whose claim of the group's second member waits, and another process that ends the group meanwhile. */
class ClaimedRun {
  executed = 0;
  readonly local: LocalEngine;
  readonly #latch = new Latch();
  #handled: Promise<unknown> | undefined;
  #holds = 0;
  jobId = "";

  constructor(config: Partial<EngineConfig>) {
    const fails = defineTask({
      name: "fails",
      run: (): never => {
        throw new TaskError("no", { retryable: false });
      },
    });
    const counted = defineTask({ name: "counted", run: () => ++this.executed });
    this.tasks = { fails, counted };
    this.local = new LocalEngine([fails, counted], config);
  }
  readonly tasks;

  /** Claims member 1 in one process, up to the start of its user code. */
  async claim(): Promise<void> {
    const { fails, counted } = this.tasks;
    const canvas = group([fails.si(), counted.si().stamp({ team: "blue" })], { policy: "failFast" }).canvas;
    this.jobId = (await this.local.engine.submit({ canvas, timeoutSeconds: 20 })).jobId;
    await untilExpanded(this.local, this.jobId);
    const messages = await this.local.queue.receive([WORKER], 10, 30);
    const [failing, member] = messages.toSorted(({ body: a }, { body: b }) =>
      JSON.stringify(a) < JSON.stringify(b) ? -1 : 1,
    );
    if (!failing || !member) throw new Error("two messages were expected");
    this.#failing = failing;
    const loop = new ScriptedLoop();
    const held = Object.assign(loop, {
      hold: (runs: unknown, abort: Parameters<ScriptedLoop["hold"]>[1]) => ({
        ...ScriptedLoop.prototype.hold.call(loop, runs, abort),
        ready: this.#holds++ === 0 ? this.#latch.wait() : undefined,
      }),
    });
    this.#handled = this.local.engine.handle(member, held);
    await this.#latch.reached;
  }
  #failing: Awaited<ReturnType<LocalEngine["queue"]["receive"]>>[number] | undefined;
  async failFirst(): Promise<void> {
    if (this.#failing) await this.local.passing(this.other.handle(this.#failing, LocalEngine.loop));
  }
  get other() {
    return this.local.over(this.local);
  }
  async goOn(): Promise<void> {
    this.#latch.release();
    await this.local.passing(this.#handled as Promise<unknown>);
  }
}

const ENDS: readonly [string, (claimed: ClaimedRun) => Promise<unknown>][] = [
  ["cancel", ({ other, jobId }) => other.cancel(jobId)],
  ["revoke", ({ other, jobId }) => other.revoke(`${jobId}.0.g.1`)],
  ["revoke by stamp", ({ other, jobId }) => other.revokeStamped(jobId, { team: ["blue"] })],
  [
    "timeout",
    async ({ local, other, jobId }) => {
      local.clock.advance(21_000);
      await other.sweep();
      await untilIdle(local);
      expect(await other.job(jobId)).toMatchObject({ state: "timed-out" });
    },
  ],
  ["failFast", (claimed) => claimed.failFirst()],
];

describe("nothing starts after an answer", () => {
  it.each(ENDS)(
    "a run that is already claimed does not start after a %s was answered, on one machine",
    async (_name, end) => {
      const claimed = new ClaimedRun({ ...EMBEDDED_CONFIG, leaseSeconds: 600 });
      await claimed.claim();
      await end(claimed);
      claimed.local.clock.advance(1);
      await claimed.goOn();
      expect(claimed.executed).toBe(0);
      await untilIdle(claimed.local);
      expect(await claimed.local.engine.run(`${claimed.jobId}.0.g.1`)).toMatchObject({ status: "cancelled" });
    },
  );

  it("a retry that comes due after a cancel was answered does not start, on one machine", async () => {
    let attempts = 0;
    const flaky = defineTask({
      name: "flaky",
      retry: { maxAttempts: 5, initialDelaySeconds: 1, jitter: 0 },
      run: (): never => {
        attempts++;
        throw new Error("again");
      },
    });
    const local = new LocalEngine([flaky], EMBEDDED_CONFIG);
    const { jobId } = await local.engine.submit({ canvas: flaky.s().canvas });
    await untilIdle(local);
    expect(await local.over(local).cancel(jobId)).toBe(true);
    await local.untilQuiet();
    expect(attempts).toBe(1);
  });

  it.each(ENDS.filter(([name]) => name !== "timeout"))(
    "with the settings of AWS a claimed run starts at most 5 seconds after a %s was answered",
    async (_name, end) => {
      expect(DEFAULT_CONFIG.headerCacheMs).toBe(5_000);
      for (const [milliseconds, starts] of [
        [4_999, 1],
        [5_000, 0],
      ] as const) {
        const claimed = new ClaimedRun({});
        await claimed.claim();
        await end(claimed);
        claimed.local.clock.advance(milliseconds);
        await claimed.goOn();
        expect(claimed.executed).toBe(starts);
      }
    },
  );
});
