import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HeartbeatOutcome } from "../../functions/engine/worker-loop.ts";
import { LeaseKeeper } from "../../functions/host/lease-keeper.ts";
import { heldRuns } from "./held-runs.ts";

const LEASE_MS = 1_200;
/** The keeper renews a lease when a third of it has passed, and checks four times as often. */
const RENEW_MS = LEASE_MS / 3;
const TICK_MS = RENEW_MS / 4;

interface Kept {
  readonly keeper: LeaseKeeper;
  /** Ids of the runs of each heartbeat. */
  readonly renewed: string[][];
  readonly lost: string[];
  /** Outcomes by token. Others are kept. */
  readonly outcomes: Map<string, HeartbeatOutcome>;
}
function startKeeper(): Kept {
  const renewed: string[][] = [];
  const lost: string[] = [];
  const outcomes = new Map<string, HeartbeatOutcome>();
  const keeper = new LeaseKeeper({
    leaseMs: LEASE_MS,
    log: () => undefined,
    heartbeat: async (claims) => {
      renewed.push(claims.map((each) => each.runId));
      return claims.map((each) => outcomes.get(each.token) ?? "kept");
    },
    onLost: (holder, claims) => lost.push(...claims.map((each) => `${holder} ${each.claim.token} ${each.outcome}`)),
  });
  return { keeper, renewed, lost, outcomes };
}

describe("lease keeper", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("the keeper renews all leases that are due in one heartbeat, without those that were released", async () => {
    const { keeper, renewed } = startKeeper();
    keeper.track("a", [heldRuns("1"), heldRuns("2")]);
    keeper.track("b", [heldRuns("3")]);
    keeper.untrack(["2"]);
    await vi.advanceTimersByTimeAsync(RENEW_MS - TICK_MS);
    expect(renewed).toEqual([]);
    await vi.advanceTimersByTimeAsync(TICK_MS);
    expect(renewed).toEqual([["job.1", "job.3"]]);
    await keeper.stop();
  });

  it("the runs left of a batch are renewed when the whole batch would have been", async () => {
    const { keeper, renewed } = startKeeper();
    keeper.track("a", [heldRuns("1", { members: [1, 2, 3] })]);
    await vi.advanceTimersByTimeAsync(RENEW_MS - TICK_MS);
    keeper.track("a", [heldRuns("1", { members: [2] })]);
    expect(keeper.size("a")).toBe(1);
    await vi.advanceTimersByTimeAsync(TICK_MS);
    expect(renewed).toEqual([["job.2"]]);
    keeper.untrack(["1"]);
    expect(keeper.size()).toBe(0);
    await keeper.stop();
  });

  it("a holder is notified once of each claim that was lost", async () => {
    const { keeper, renewed, lost, outcomes } = startKeeper();
    outcomes.set("1", "lost");
    outcomes.set("2", "cancelled");
    keeper.track("a", [heldRuns("1"), heldRuns("2"), heldRuns("3")]);
    await vi.advanceTimersByTimeAsync(3 * RENEW_MS);
    expect(renewed).toHaveLength(3);
    expect(lost).toEqual(["a 1 lost", "a 2 cancelled"]);
    await keeper.stop();
  });

  it("the keeper returns the claims of a holder that has died and tracks them no longer", () => {
    const { keeper } = startKeeper();
    keeper.track("a", [heldRuns("1"), heldRuns("2")]);
    keeper.track("b", [heldRuns("3")]);
    expect(keeper.heldBy("a").map(({ token }) => token)).toEqual(["1", "2"]);
    expect(keeper.dropHolder("a").map((each) => each.token)).toEqual(["1", "2"]);
    expect(keeper.size()).toBe(1);
    return keeper.stop();
  });
});
