import { describe, expect, it } from "vitest";
import type { PortError } from "../../functions/engine/ports.ts";
import { runSeed } from "./campaign.ts";
import { seededRandom } from "./random.ts";
import { type FaultRates, Scheduler, type SimProcess } from "./scheduler.ts";

/**
 * These tests check the scheduler, on which the simulation depends. It drives a trivial function instead of the engine.
 */
const QUIET: FaultRates = { throttled: 0, lostResponse: 0, toldAmbiguous: 0, kill: 0, slow: 0 };

function processNamed(name: string): SimProcess {
  return { name, skew: 0, weight: 1, alive: true, frozen: false };
}
/** Adds 1 to a number `times` times, with one call each. */
async function adder(scheduler: Scheduler, process: SimProcess, times: number, log: string[]): Promise<void> {
  try {
    for (let n = 0; n < times; n++) {
      await scheduler.call(process, { kind: "remote", label: () => "add", perform: () => void log.push(process.name) });
    }
    log.push(`${process.name} ends`);
  } finally {
    log.push(`${process.name} finally`);
  }
}
async function exhaust(scheduler: Scheduler): Promise<void> {
  await scheduler.drain();
  while (await scheduler.step());
}

describe("the scheduler", () => {
  it("the scheduler gives the same order for the same seed, and other orders for others", async () => {
    const order = async (seed: number): Promise<string> => {
      const scheduler = new Scheduler(seededRandom(seed));
      const log: string[] = [];
      for (const name of ["a", "b", "c"]) void adder(scheduler, processNamed(name), 5, log);
      await exhaust(scheduler);
      return log.join();
    };
    expect(await order(7)).toBe(await order(7));
    expect(new Set(await Promise.all([1, 2, 3, 4, 5].map(order))).size).toBeGreaterThan(3);
  });

  it("the scheduler lets all follow-up work of a call run before its next choice", async () => {
    const scheduler = new Scheduler(seededRandom(1));
    const log: string[] = [];
    const deep = async (name: string): Promise<void> => {
      await scheduler.call(processNamed(name), { kind: "local", label: () => name, perform: () => undefined });
      for (let n = 0; n < 50; n++) await Promise.resolve();
      log.push(name);
    };
    void deep("a");
    void deep("b");
    await scheduler.drain();
    await scheduler.step();
    expect(log).toHaveLength(1);
    await scheduler.step();
    expect(log).toHaveLength(2);
  });

  it("a kill is for good: nothing runs after it, not even finally", async () => {
    const scheduler = new Scheduler(seededRandom(3));
    scheduler.faults = { ...QUIET, kill: 1 };
    const log: string[] = [];
    const process = processNamed("a");
    const deaths: string[] = [];
    scheduler.onDeath = (dead) => deaths.push(dead.name);
    void adder(scheduler, process, 5, log);
    await exhaust(scheduler);
    expect(process.alive).toBe(false);
    expect(deaths).toEqual(["a"]);
    expect(log.filter((line) => line.includes("finally") || line.includes("ends"))).toEqual([]);
    expect(log.length).toBeLessThanOrEqual(1);
  });

  it("a frozen process waits until it thaws", async () => {
    const scheduler = new Scheduler(seededRandom(3));
    const log: string[] = [];
    const process = processNamed("a");
    void adder(scheduler, process, 2, log);
    await scheduler.drain();
    process.frozen = true;
    expect(await scheduler.step()).toBe(false);
    process.frozen = false;
    await exhaust(scheduler);
    expect(log).toEqual(["a", "a", "a ends", "a finally"]);
  });

  it("a call whose response is lost is applied, and is applied again when the SDK tries again", async () => {
    const scheduler = new Scheduler(seededRandom(5));
    scheduler.faults = { ...QUIET, lostResponse: 1 };
    let applied = 0;
    const answer = scheduler.call(processNamed("a"), {
      kind: "remote",
      label: () => "write",
      perform: () => ++applied,
    });
    await scheduler.step();
    scheduler.faults = QUIET;
    await scheduler.step();
    expect(await answer).toBe(2);
  });

  it("a caller is told what is certain: a throttled call was not applied, an ambiguous one may have been", async () => {
    const kindAfter = async (faults: FaultRates): Promise<[string, number]> => {
      const scheduler = new Scheduler(seededRandom(5));
      scheduler.faults = faults;
      let applied = 0;
      const answer = scheduler
        .call(processNamed("a"), { kind: "remote", label: () => "write", perform: () => ++applied })
        .then(
          () => "answered",
          (error: unknown) => (error as PortError).kind,
        );
      await exhaust(scheduler);
      return [await answer, applied];
    };
    expect(await kindAfter({ ...QUIET, throttled: 1 })).toEqual(["throttled", 0]);
    const [kind, applied] = await kindAfter({ ...QUIET, lostResponse: 1 });
    expect(kind).toBe("ambiguous");
    expect(applied).toBeGreaterThan(0);
  });
});

describe("a run of the simulation", () => {
  it("a run is a function of its seed: every call, in order, with its outcome", async () => {
    const trace = async (seed: number): Promise<string> => {
      const lines: string[] = [];
      await runSeed(seed, {}, (line) => lines.push(line));
      return lines.join("\n");
    };
    for (const seed of [11, 12, 13]) expect(await trace(seed)).toBe(await trace(seed));
  });
});
