import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RunHolder, type StallMarks } from "../../functions/host/run-holder.ts";
import { heldRuns } from "./held-runs.ts";

const LEASE_MS = 90;
const PAIR = heldRuns("1", { members: [1, 2], deadline: Number.MAX_SAFE_INTEGER });

/** Makes a holder whose heartbeats keep the first claim and lose the second. The events are its calls, in order. */
function startHolder({ events = [], ...options }: { readonly events?: string[]; readonly marks?: StallMarks } = {}) {
  const holder = new RunHolder({
    ...options,
    leaseMs: LEASE_MS,
    heartbeat: async (claims) => {
      events.push(`confirm ${claims.map((each) => each.runId).join()}`);
      return ["kept", "lost"];
    },
    keeper: {
      track: ({ members }) => events.push(`track ${members.join()}`),
      untrack: (token) => events.push(`untrack ${token}`),
      notified: async () => void events.push("notified"),
    },
  });
  return { holder, events };
}

describe("run holder of a process that stalls", () => {
  it("a hold begins at once unless the process has stalled since it was made", async () => {
    const events: string[] = [];
    const marks = {
      stalls: 0,
      settledStalls: 0,
      begin: (token: string) => void events.push(`begin ${token}`),
      end: (token: string) => void events.push(`end ${token}`),
      settled: async () => void events.push("settled"),
    };
    const { holder } = startHolder({ marks, events });
    holder.noteAlive(true);
    const hold = holder.hold(PAIR, (reason, runId) => events.push(`abort ${runId}: ${reason}`));
    expect(hold.begin?.()).toBeUndefined();
    marks.stalls = 1;
    events.length = 0;
    await hold.begin?.();
    expect(events).toEqual(["begin 1", "settled", "confirm job.1,job.2", "abort job.2: lost"]);
    expect(hold.begin?.()).toBeUndefined();
    hold.release();
    expect(events.at(-2)).toBe("end 1");

    // The supervisor may look at a stall when it is over, and return what was claimed since.
    events.length = 0;
    await holder.hold(PAIR, () => undefined).begin?.();
    expect(events).toContain("settled");
    marks.settledStalls = 1;
    expect(holder.hold(PAIR, () => undefined).begin?.()).toBeUndefined();
  });
});

describe("run holder", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("held runs are ready only after the keeper was notified", async () => {
    const { holder, events } = startHolder();
    holder.noteAlive(true);
    const hold = holder.hold(PAIR, () => events.push("abort"));
    await hold.ready;
    events.push("run");
    hold.release();
    hold.release();
    expect(events).toEqual(["track 1,2", "notified", "run", "untrack 1"]);
  });

  it("claims that were written while the process was blocked are confirmed before their runs are ready", async () => {
    const { holder, events } = startHolder();
    holder.noteAlive(true);
    vi.advanceTimersByTime(LEASE_MS / 2);
    const hold = holder.hold(PAIR, (reason, runId) => events.push(`abort ${runId}: ${reason}`));
    await hold.ready;
    hold.release();
    expect(events).toEqual(["track 1,2", "notified", "confirm job.1,job.2", "abort job.2: lost", "untrack 1"]);
  });

  it("the runs left of a batch are tracked until the batch is released, and no longer", async () => {
    const { holder, events } = startHolder();
    holder.noteAlive(true);
    const hold = holder.hold(PAIR, () => events.push("abort"));
    hold.narrow(heldRuns("1", { members: [2] }));
    hold.release();
    hold.narrow(heldRuns("1", { members: [2] }));
    expect(events).toEqual(["track 1,2", "notified", "track 2", "untrack 1"]);
  });

  it("held runs are aborted at their deadline", () => {
    const { holder } = startHolder();
    const reasons: string[] = [];
    holder.hold(heldRuns("1", { deadline: Date.now() + 20 }), (reason) => reasons.push(reason));
    vi.advanceTimersByTime(19);
    expect(reasons).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(reasons).toEqual(["deadline"]);
  });
});
