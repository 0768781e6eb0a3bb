import { describe, expect, it } from "vitest";
import { HeldClaims } from "../../functions/embedded/held-claims.ts";
import { LeaseKeeper } from "../../functions/embedded/lease-keeper.ts";
import type { Claim, HeartbeatOutcome } from "../../functions/engine/contract.ts";
import { until } from "./until.ts";

const claim = (token: string, deadline = Date.now() + 60_000): Claim => ({ runId: `job.${token}`, token, attempt: 1, task: "t", deadline });

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
      kept.beats.push(claims.map((each) => each.token));
      return claims.map((each) => kept.answer.get(each.token) ?? "kept");
    },
    onLost: (holder, claims) => kept.lost.push(...claims.map((each) => `${holder} ${each.claim.token} ${each.outcome}`)),
  });
  return kept;
}

describe("the lease keeper", () => {
  it("renews all that is due in one batch, and nothing that ended before", async () => {
    const { keeper, beats } = keep(3_000);
    keeper.held("a", [claim("1"), claim("2")]);
    keeper.held("b", [claim("3")]);
    keeper.released(["2"]);
    await until("a beat", () => beats.length > 0);
    expect(beats[0]).toEqual(["1", "3"]);
    await keeper.stop();
  });

  it("says once what was lost, to its holder", async () => {
    const { keeper, beats, lost, answer } = keep(60);
    answer.set("1", "lost");
    answer.set("2", "cancelled");
    keeper.held("a", [claim("1"), claim("2"), claim("3")]);
    await until("three beats", () => beats.length > 2);
    expect(lost).toEqual(["a 1 lost", "a 2 cancelled"]);
    await keeper.stop();
  });

  it("hands over the claims of a holder that is gone", () => {
    const { keeper } = keep(60_000);
    keeper.held("a", [claim("1"), claim("2", Date.now() - 5_000)]);
    keeper.held("b", [claim("3")]);
    expect([keeper.isOverdue("a", Date.now()), keeper.isOverdue("b", Date.now())]).toEqual([true, false]);
    expect(keeper.drop("a").map((each) => each.token)).toEqual(["1", "2"]);
    expect(keeper.size).toBe(1);
    return keeper.stop();
  });
});

describe("held claims", () => {
  const harness = (): { claims: HeldClaims; events: string[] } => {
    const events: string[] = [];
    const claims = new HeldClaims({
      leaseMs: 90,
      heartbeat: async (held) => {
        events.push(`confirm ${held.map((each) => each.token).join()}`);
        return ["kept", "lost"];
      },
      keeper: {
        held: (all) => events.push(`held ${all.map((each) => each.token).join()}`),
        released: (all) => events.push(`released ${all.map((each) => each.token).join()}`),
        told: async () => void events.push("told"),
      },
    });
    return { claims, events };
  };

  it("are ready only after the keeper was told", async () => {
    const { claims, events } = harness();
    claims.look(true);
    const hold = claims.hold([claim("1"), claim("2")], () => events.push("abort"));
    await hold.ready;
    events.push("run");
    hold.release();
    hold.release();
    expect(events).toEqual(["held 1,2", "told", "run", "released 1,2"]);
  });

  it("confirm a claim that was made while the process was blocked", async () => {
    const { claims, events } = harness();
    claims.look(true);
    const end = performance.now() + 50;
    while (performance.now() < end);
    const hold = claims.hold([claim("1"), claim("2")], (reason, { token }) => events.push(`abort ${token}: ${reason}`));
    await hold.ready;
    hold.release();
    expect(events).toEqual(["held 1,2", "told", "confirm 1,2", "abort 2: lost", "released 1,2"]);
  });

  it("abort at the deadline", async () => {
    const { claims } = harness();
    const reason = await new Promise((resolve) => claims.hold([claim("1", Date.now() + 20)], resolve));
    expect(reason).toBe("deadline");
  });
});
