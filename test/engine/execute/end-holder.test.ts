import { describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import type { Tracking } from "../../../functions/core/canvas/canvas.ts";
import type { Ports } from "../../../functions/engine/ports.ts";
import { claimsOf } from "../../../functions/engine/execute/heartbeat.ts";
import type { Claim, HeldRuns, HolderEnd, WorkerLoop } from "../../../functions/engine/worker-loop.ts";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { settled, untilExpanded } from "../scripted-faults.ts";

const WORKER = "local.default#worker";

/** A machine whose worker dies `deaths` times with all its runs in hand. Its supervisor sees each death. */
class Machine {
  /** Whether each slot that was asked for had to be the only one. */
  readonly alone: boolean[] = [];
  /** Bodies of the messages that were received last. */
  received: readonly Json[] = [];
  readonly #local: LocalEngine;
  readonly #work;
  #claims: Claim[] = [];
  #alive = false;
  #goesOn = (): void => undefined;
  #jobId = "";
  readonly #loop: WorkerLoop = {
    takeSlot: async (alone) => {
      this.alone.push(alone);
      return { release: () => undefined };
    },
    tryTakeSlot: () => undefined,
    hold: (runs: HeldRuns) => {
      this.#claims.push(...claimsOf(runs));
      return { ready: undefined, narrow: () => undefined, release: () => undefined };
    },
  };

  constructor(retrySeconds = 1) {
    this.#work = defineTask({
      name: "work",
      timeout: 5,
      retry: { maxAttempts: 2, initialDelaySeconds: retrySeconds, jitter: 0 },
      run: (ctx) =>
        this.#alive
          ? ctx.attempt
          : new Promise<number>((resolve) => {
              this.#goesOn = () => resolve(ctx.attempt);
            }),
    });
    const config = { killEvidence: "supervisor", skewMarginSeconds: 0, leaseSeconds: 600 } as const;
    this.#local = new LocalEngine([this.#work], config, { loop: this.#loop });
  }
  async submit(members: number, tracking: Tracking = "lazy"): Promise<void> {
    const header = Array.from({ length: members }, () => this.#work.si());
    this.#jobId = (await this.#local.engine.submit({ canvas: group(header, { tracking }).canvas })).jobId;
    await untilExpanded(this.#local, this.#jobId);
  }
  /**
   * Lets a worker start all runs that are due next, and die as `end` says of their claims. `around` wraps the ports of
   * the supervisor. Returns when they started.
   */
  async die(end: (claims: Claim[]) => Omit<HolderEnd, "claims">, around?: (ports: Ports) => Ports): Promise<number> {
    this.#claims = [];
    while (this.#claims.length === 0) await this.#receive();
    const claims = [...this.#claims];
    const known = end(claims);
    await this.#local.over(this.#local, around).endHolder({ claims, ...known });
    await this.#local.queue.releaseAll();
    return this.#local.clock.now();
  }
  /**
   * Lets a worker start a run, of which its supervisor does not know yet. The worker stalls, so the supervisor returns
   * the run. Then the worker goes on, and ends it before its messages are given back.
   */
  async stall(): Promise<void> {
    await this.#receive();
    const unbegun = { messages: this.received, tokens: new Set<string>() };
    await this.#local.engine.endHolder({ claims: [], why: "blocked", unbegun });
    this.#goesOn();
    await settled();
    await this.#local.queue.releaseAll();
  }
  /** Returns ports over which another worker starts at once what is sent. */
  readonly startingAtOnce = (ports: Ports): Ports => ({
    ...ports,
    queue: {
      maxDelaySeconds: ports.queue.maxDelaySeconds,
      depth: (name) => ports.queue.depth(name),
      send: async (messages) => {
        await ports.queue.send(messages);
        await this.#receive();
      },
    },
  });
  async #receive(): Promise<void> {
    const { queue, clock, engine } = this.#local;
    clock.set(Math.max((await queue.nextVisibleAt([WORKER])) as number, clock.now()));
    const messages = await queue.receive([WORKER], 10, 30);
    this.received = messages.map(({ body }) => body);
    for (const message of messages)
      void engine.handle(message, this.#loop).then((disposition) => {
        if (disposition.kind === "later") return queue.later(message.id, disposition.delaySeconds);
        return disposition.kind === "done" ? queue.ack([message.id]) : undefined;
      });
    await settled();
  }
  /** Lets a worker that lives on handle the rest. */
  async finish(): Promise<void> {
    this.#alive = true;
    this.alone.length = 0;
    await this.#local.untilQuiet();
  }
  run(index: number) {
    return this.#local.engine.run(`${this.#jobId}.0.g.${index}`);
  }
}

describe("the end of a process that held claims", () => {
  it("a run that was killed at its deadline fails with task_timeout and is retried under its policy", async () => {
    const machine = new Machine();
    await machine.submit(1);
    await machine.die(([culprit]) => ({ culprits: [culprit as Claim], why: "timeout" }));
    expect(await machine.run(0)).toMatchObject({ status: "retrying", attempt: 1, error: { reason: "task_timeout" } });
    await machine.die(([culprit]) => ({ culprits: [culprit as Claim], why: "timeout" }));
    await machine.finish();
    expect(await machine.run(0)).toMatchObject({ status: "error", attempt: 2, error: { reason: "task_timeout" } });
  });

  it("the retry of a run that was killed at its deadline keeps its claim, however soon it starts", async () => {
    const machine = new Machine(0);
    await machine.submit(1);
    await machine.die((claims) => {
      const unbegun = { messages: machine.received, tokens: new Set(claims.map(({ token }) => token)) };
      return { culprits: claims.slice(0, 1), why: "timeout", unbegun };
    }, machine.startingAtOnce);
    expect(await machine.run(0)).toMatchObject({ status: "started", attempt: 2 });
  });

  it("a run without a claim that was killed at its deadline fails with task_timeout too", async () => {
    const machine = new Machine();
    await machine.submit(1, "result");
    await machine.die(([culprit]) => ({ culprits: [culprit as Claim], why: "timeout" }));
    expect(await machine.run(0)).toMatchObject({ status: "retrying", error: { reason: "task_timeout" } });
    await machine.finish();
    expect(await machine.run(0)).toMatchObject({ status: "success", value: 2 });
  });

  it("a run that is known to be innocent starts again at once, beside others", async () => {
    const machine = new Machine();
    await machine.submit(3);
    await machine.die((claims) => ({ culprits: claims.slice(0, 1), why: "died" }));
    expect(await machine.run(1)).toMatchObject({ status: "queued", attempt: 1 });
    await machine.finish();
    expect(machine.alone.filter((alone) => alone)).toHaveLength(1);
    expect(machine.alone).toHaveLength(3);
    expect(await machine.run(1)).toMatchObject({ status: "success" });
  });

  it("three deaths of a proven culprit break it, and each waits longer than the one before", async () => {
    const machine = new Machine();
    await machine.submit(1);
    const culprit = (claims: readonly Claim[]) => ({ culprits: claims.slice(0, 1), why: "died" }) as const;
    const deaths: number[] = [];
    while (deaths.length < 3) deaths.push(await machine.die(culprit));
    const [first, second, third] = deaths as [number, number, number];
    expect(third - second).toBeGreaterThan(second - first);
    await machine.finish();
    expect(machine.alone).toEqual([]);
    expect(await machine.run(0)).toMatchObject({ status: "broken", attempt: 3, error: { reason: "task_killed" } });
  });

  it("a death without a proven culprit makes all its runs suspects, and none of them guilty", async () => {
    const machine = new Machine();
    await machine.submit(2);
    for (let k = 0; k < 3; k++) await machine.die(() => ({ why: "died" }));
    await machine.finish();
    expect(machine.alone).toEqual([true, true]);
    expect(await machine.run(0)).toMatchObject({ status: "success" });
  });

  it("a claim that the supervisor was never told of is returned, because its run has not begun", async () => {
    const machine = new Machine();
    await machine.submit(1);
    await machine.die((claims) => {
      claims.length = 0;
      return { why: "died", unbegun: { messages: machine.received, tokens: new Set() } };
    });
    expect(await machine.run(0)).toMatchObject({ status: "queued" });
    await machine.finish();
    expect(machine.alone).toEqual([false]);
    expect(await machine.run(0)).toMatchObject({ status: "success" });
  });

  it("a holder that ends a run after it was returned does not take the return for its own commit", async () => {
    const machine = new Machine();
    await machine.submit(1);
    await machine.stall();
    expect(await machine.run(0)).toMatchObject({ status: "queued", attempt: 1 });
    await machine.finish();
    expect(await machine.run(0)).toMatchObject({ status: "success", value: 2 });
  });

  it("a run whose process was killed for the sake of others runs alone next, and is not guilty of a death", async () => {
    const machine = new Machine();
    await machine.submit(1);
    for (let k = 0; k < 6; k++) await machine.die((claims) => ({ culprits: claims.slice(0, 1), why: "blocked" }));
    await machine.finish();
    expect(machine.alone).toEqual([true]);
    expect(await machine.run(0)).toMatchObject({ status: "success" });
  });
});
