import { describe, expect, it } from "vitest";
import { type CanvasBuilder, chord, defineTask, group, TaskError } from "../../functions/sdk/index.ts";
import { claimsOf } from "../../functions/engine/execute/heartbeat.ts";
import type { Claim, WorkerLoop } from "../../functions/engine/worker-loop.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { Latch, settled, untilIdle } from "../engine/scripted-faults.ts";

const WORKER = "local.default#worker";
const LEASE_SECONDS = 60;

/** Workers that hang while `deadly` is set, as if their process had died: nobody says so, and their lease runs out. */
class Site {
  deadly = false;
  /** Attempts that throw. */
  failing = 0;
  /** While it is set, a run that begins waits for it. */
  held: Promise<void> | undefined;
  ran = 0;
  readonly told: unknown[] = [];
  readonly work = defineTask({
    name: "work",
    retry: { maxAttempts: 20, initialDelaySeconds: 1, jitter: 0, maxDelaySeconds: 1 },
    run: (ctx) => {
      this.ran++;
      if (this.held) return this.held.then(() => ctx.attempt);
      if (this.deadly) return new Promise<number>(() => undefined);
      if (ctx.attempt <= this.failing) throw new TaskError("not yet");
      return ctx.attempt;
    },
  });
  readonly fails = defineTask({
    name: "fails",
    run: (): never => {
      throw new TaskError("no", { reason: "other" });
    },
  });
  readonly after = defineTask({ name: "after", run: (_ctx, ...given: unknown[]) => void this.told.push(...given) });
  readonly local = new LocalEngine([this.work, this.fails, this.after], { leaseSeconds: LEASE_SECONDS });
  jobId = "";

  async submit({ canvas }: CanvasBuilder): Promise<void> {
    this.jobId = (await this.local.engine.submit({ canvas })).jobId;
  }
  /** Lets a worker take up what is due, and die with it. */
  async die(): Promise<void> {
    this.deadly = true;
    const before = this.ran;
    while (this.ran === before) await this.pass();
    this.deadly = false;
    await this.local.queue.releaseAll();
    this.local.clock.advance((LEASE_SECONDS + 10) * 1_000);
  }
  /** Lets a worker take up the run and hold it. Returns its claims. */
  async hold(): Promise<readonly Claim[]> {
    const claims: Claim[] = [];
    const hold: WorkerLoop["hold"] = (runs) => {
      claims.push(...claimsOf(runs));
      return { ready: undefined, narrow: () => undefined, release: () => undefined };
    };
    while (this.ran === 0) await this.pass({ ...LocalEngine.loop, hold });
    return claims;
  }
  /** Lets time pass until a message is due, and lets a worker begin what is due. */
  async pass(loop = LocalEngine.loop): Promise<void> {
    const { queue, clock, engine, queues } = this.local;
    clock.set(Math.max((await queue.nextVisibleAt(queues)) as number, clock.now()));
    for (const message of await queue.receive(queues, 10, 30))
      void engine.handle(message, loop).then((disposition) => {
        if (disposition.kind === "later") return queue.later(message.id, disposition.delaySeconds);
        return disposition.kind === "done" ? queue.ack([message.id]) : undefined;
      });
    await settled();
  }
  run(id = ".0") {
    return this.local.engine.run(`${this.jobId}${id}`);
  }
}

describe("a run whose worker lives", () => {
  it("S116 is left alone, by sweeps and by other workers, for as long as its lease is renewed", async () => {
    const site = new Site();
    await site.submit(site.work.s());
    const latch = new Latch();
    site.held = latch.wait();
    const claims = await site.hold();
    for (let minutes = 0; minutes < 10; minutes += 0.5) {
      site.local.clock.advance(30_000);
      expect(await site.local.engine.heartbeat(claims)).toEqual(["kept"]);
      await site.local.engine.sweep({ all: true });
      await untilIdle(site.local);
    }
    expect([site.ran, await site.run()]).toMatchObject([1, { status: "started", attempt: 1 }]);
    latch.release();
    await site.local.untilQuiet();
    expect([site.ran, await site.run()]).toMatchObject([1, { status: "success" }]);
  });
});

describe("a run whose worker died", () => {
  it("S117 is tried again by itself; given up after three deaths, it is retried like any other failure", async () => {
    const site = new Site();
    await site.submit(site.work.s());
    // A first death only makes the run a suspect, because others may have killed its process.
    for (let deaths = 0; deaths < 4; deaths++) await site.die();
    await site.local.untilQuiet();
    expect(site.ran).toBe(4);
    expect(await site.run()).toMatchObject({ status: "broken", error: { reason: "task_killed" } });
    await site.local.engine.retry(site.jobId, { filter: { reasons: ["task_killed"] } });
    await site.local.untilQuiet();
    expect([site.ran, await site.local.engine.job(site.jobId)]).toMatchObject([5, { state: "success" }]);
  });
  it("S118 is taken over by the sweep, however many of its siblings have failed and wait for somebody", async () => {
    const site = new Site();
    const siblings = Array.from({ length: 20 }, () => site.fails.s());
    await site.submit(group([site.work.s(), ...siblings], { policy: "settled" }));
    await site.die();
    // The message is lost as well, so nothing but the sweep can bring the run back.
    for (const { id, body } of await site.local.queue.receive([WORKER], 100, 30))
      if ((body as { readonly members: readonly number[] }).members.includes(0)) await site.local.queue.ack([id]);
    await site.local.queue.releaseAll();
    await site.local.untilQuiet();
    expect(await site.run(".0.g.0")).toMatchObject({ status: "started" });
    for (let minutes = 0; minutes < 5; minutes++) {
      site.local.clock.advance(60_000);
      await site.local.engine.sweep();
      await site.local.untilQuiet();
    }
    expect(await site.run(".0.g.0")).toMatchObject({ status: "success" });
    expect(await site.local.engine.job(site.jobId)).toMatchObject({ counts: { success: 1, error: 20 } });
  });
  it("S119 is taken over, however often it had failed before", async () => {
    const site = new Site();
    site.failing = 12;
    await site.submit(site.work.s());
    while (site.ran < site.failing) await site.pass();
    await site.die();
    expect(await site.run()).toMatchObject({ status: "started", attempt: 13 });
    await site.local.untilQuiet();
    expect(await site.run()).toMatchObject({ status: "success", attempt: 14 });
  });
  it("S120 tells its reason to its error link and to the next step of a settled group", async () => {
    const site = new Site();
    const work = site.work.s().linkError(site.after.s());
    await site.submit(chord(group([work], { policy: "settled" }), site.after.s()));
    for (let deaths = 0; deaths < 4; deaths++) await site.die();
    await site.local.untilQuiet();
    const killed = { runId: `${site.jobId}.0.g.0`, reason: "task_killed" };
    expect(site.told).toMatchObject([{ task: "work" }, killed, null, [{ $error: { ...killed, status: "broken" } }]]);
  });
});
