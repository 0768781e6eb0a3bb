import { describe, expect, it } from "vitest";
import { SteadyClock } from "../../../functions/embedded/machine/steady-clock.ts";
import { MemoryQueue } from "../../../functions/testing/ports/memory-queue.ts";

const HOUR = 3_600_000;

/** A machine whose wall clock can be set apart from the time that passes. */
function machine() {
  let passed = 5_000;
  let wall = 1_800_000_000_000;
  return {
    pass: (milliseconds: number): void => {
      passed += milliseconds;
      wall += milliseconds;
    },
    set: (by: number): void => void (wall += by),
    clock: (aheadMs?: number) =>
      new SteadyClock(
        aheadMs,
        () => wall,
        () => passed,
      ),
  };
}

describe("a steady clock", () => {
  it("shows the wall clock, also after it was set forward", () => {
    const { pass, set, clock } = machine();
    const steady = clock();
    expect(steady.now()).toBe(1_800_000_000_000);
    set(HOUR);
    pass(10);
    expect(steady.now()).toBe(1_800_000_000_000 + HOUR + 10);
  });

  it("goes on when the wall clock is set back", () => {
    const { pass, set, clock } = machine();
    const steady = clock();
    const before = steady.now();
    set(-HOUR);
    pass(1_000);
    expect(steady.now()).toBe(before + 1_000);
  });

  it("agrees with the clock of the process that started it, although the wall clock was set back in between", () => {
    const { pass, set, clock } = machine();
    const parent = clock();
    parent.now();
    set(-HOUR);
    pass(20);
    const child = clock(parent.aheadMs);
    expect(child.now()).toBe(parent.now());
  });

  it("a message with a delay of a second comes after a second, although the clock was set back an hour", async () => {
    const { pass, set, clock } = machine();
    const queue = new MemoryQueue(clock());
    await queue.send([{ queue: "q", jobId: "job", body: 1, delaySeconds: 1 }]);
    set(-HOUR);
    pass(1_000);
    expect(await queue.receive(["q"], 1, 30)).toHaveLength(1);
  });
});
