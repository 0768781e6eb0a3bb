import { describe, expect, it } from "vitest";
import type { HeartbeatOutcome, HeldRuns } from "../../functions/engine/worker-loop.ts";
import { RunHolder } from "../../functions/host/run-holder.ts";
import { LeaseKeeper } from "../../functions/host/lease-keeper.ts";
import { until } from "../embedded/until.ts";

const held = (token: string, deadline = Date.now() + 60_000, members = [Number(token)]): HeldRuns => {
  return { token, task: "t", gid: "job", stepIndex: 0, members, attempts: members.map(() => 1), deadline };
};

interface Kept {
  keeper: LeaseKeeper;
  beats: string[][];
  lost: string[];
  answer: Map<string, HeartbeatOutcome>;
}
function keep(leaseMs: number): Kept {
  const kept: Kept = { beats: [], lost: [], answer: new Map(), keeper: undefined as unknown as LeaseKeeper };
  kept.keeper = new LeaseKeeper({
    leaseMs,
    log: () => undefined,
    heartbeat: async (claims) => {
      kept.beats.push(claims.map((each) => each.runId));
      return claims.map((each) => kept.answer.get(each.token) ?? "kept");
    },
    onLost: (holder, claims) => kept.lost.push(...claims.map((each) => `${holder} ${each.claim.token} ${each.outcome}`)),
  });
  return kept;
}

describe("the lease keeper", () => {
  it("renews all that is due in one batch, and nothing that ended before", async () => {
    const { keeper, beats } = keep(3_000);
    keeper.track("a", [held("1"), held("2")]);
    keeper.track("b", [held("3")]);
    keeper.untrack(["2"]);
    await until("a beat", () => beats.length > 0);
    expect(beats[0]).toEqual(["job.1", "job.3"]);
    await keeper.stop();
  });

  it("keeps what is left of a batch, as fresh as it was", async () => {
    const { keeper, beats } = keep(300);
    keeper.track("a", [held("1", undefined, [1, 2, 3])]);
    keeper.track("a", [held("1", undefined, [2])]);
    expect(keeper.size("a")).toBe(1);
    await until("a beat", () => beats.length > 0);
    expect(beats[0]).toEqual(["job.2"]);
    keeper.untrack(["1"]);
    expect(keeper.size()).toBe(0);
    await keeper.stop();
  });

  it("says once what was lost, to its holder", async () => {
    const { keeper, beats, lost, answer } = keep(60);
    answer.set("1", "lost");
    answer.set("2", "cancelled");
    keeper.track("a", [held("1"), held("2"), held("3")]);
    await until("three beats", () => beats.length > 2);
    expect(lost).toEqual(["a 1 lost", "a 2 cancelled"]);
    await keeper.stop();
  });

  it("hands over the claims of a holder that is gone", () => {
    const { keeper } = keep(60_000);
    keeper.track("a", [held("1"), held("2", Date.now() - 5_000)]);
    keeper.track("b", [held("3")]);
    expect([keeper.isOverdue("a", Date.now()), keeper.isOverdue("b", Date.now())]).toEqual([true, false]);
    expect(keeper.dropHolder("a").map((each) => each.token)).toEqual(["1", "2"]);
    expect(keeper.size()).toBe(1);
    return keeper.stop();
  });
});

describe("held claims", () => {
  const harness = (): { claims: RunHolder; events: string[] } => {
    const events: string[] = [];
    const claims = new RunHolder({
      leaseMs: 90,
      heartbeat: async (all) => {
        events.push(`confirm ${all.map((each) => each.runId).join()}`);
        return ["kept", "lost"];
      },
      keeper: {
        track: ({ members }) => events.push(`held ${members.join()}`),
        untrack: (token) => events.push(`released ${token}`),
        notified: async () => void events.push("told"),
      },
    });
    return { claims, events };
  };

  it("are ready only after the keeper was told", async () => {
    const { claims, events } = harness();
    claims.noteAlive(true);
    const hold = claims.hold(held("1", undefined, [1, 2]), () => events.push("abort"));
    await hold.ready;
    events.push("run");
    hold.release();
    hold.release();
    expect(events).toEqual(["held 1,2", "told", "run", "released 1"]);
  });

  it("confirm claims that were made while the process was blocked", async () => {
    const { claims, events } = harness();
    claims.noteAlive(true);
    const end = performance.now() + 50;
    while (performance.now() < end);
    const hold = claims.hold(held("1", undefined, [1, 2]), (reason, runId) => events.push(`abort ${runId}: ${reason}`));
    await hold.ready;
    hold.release();
    expect(events).toEqual(["held 1,2", "told", "confirm job.1,job.2", "abort job.2: lost", "released 1"]);
  });

  it("tell what is left of a batch, until it is released", async () => {
    const { claims, events } = harness();
    claims.noteAlive(true);
    const hold = claims.hold(held("1", undefined, [1, 2]), () => events.push("abort"));
    hold.narrow(held("1", undefined, [2]));
    hold.release();
    hold.narrow(held("1", undefined, [2]));
    expect(events).toEqual(["held 1,2", "told", "held 2", "released 1"]);
  });

  it("abort at the deadline", async () => {
    const { claims } = harness();
    const reason = await new Promise((resolve) => claims.hold(held("1", Date.now() + 20), resolve));
    expect(reason).toBe("deadline");
  });
});
