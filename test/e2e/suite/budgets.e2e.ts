import { beforeAll, describe, expect, it } from "vitest";
import { METRICS } from "../../../functions/core/names/metric-names.ts";
import { group } from "../../../functions/sdk/index.ts";
import { noop } from "../../../functions/tasks/examples.ts";
import { type Api, connect, ended } from "../deployment.ts";
import { type Counted, quiet } from "../metrics.ts";

/**
 * Write units per member, from docs/protocol-rules.md, section 19. The tests in test/engine hold the engine to the same
 * budgets when all members of a message end together.
 */
const BUDGETS = { lazy: 2.2, full: 3.2 } as const;
/**
 * Extra write units per member on a slow emulator. There members end one by one, so each follow-up adds one mark and
 * one progress count.
 */
const ALONE = 2;
const MEMBERS = 1_000;
/** Runs per member outside of which a measurement says more about the machine than about the engine. */
const LEAST_RUNS = 0.95;
const MOST_RUNS = 1.5;
const TRIES = 4;
const JOBS = 30;

describe("write units and messages per member of a group", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });

  /**
   * Runs a group until one was measured whole, and in which few members ran again. A batch that a busy machine holds up
   * gives back what it has not begun, and that is claimed again.
   */
  async function measured(tracking: "lazy" | "full"): Promise<Counted> {
    for (let tries = 1; ; tries++) {
      await quiet();
      const since = Date.now();
      const members = Array.from({ length: MEMBERS }, () => noop.s());
      const { jobId } = await api.client.submit(group(members, { tracking }).canvas);
      expect(await ended(api, jobId)).toMatchObject({ state: "success", counts: { success: MEMBERS } });
      const counted = await quiet(since);
      const runs = (counted[METRICS.runs] ?? 0) / MEMBERS;
      if ((runs > LEAST_RUNS && runs < MOST_RUNS) || tries === TRIES) return counted;
    }
  }

  it.each(["lazy", "full"] as const)("%s: within the budget", { timeout: 300_000 }, async (tracking) => {
    const counted = await measured(tracking);
    const per = (metric: string): number => (counted[metric] ?? 0) / MEMBERS;
    // Lambda receives and deletes messages, so neither call passes through a port. Up to ten messages travel in one
    // request.
    const requests = per(METRICS.sends) / 10 + (2 * per(METRICS.messages)) / 10;
    console.log(
      `${tracking}: ${per(METRICS.writeUnits).toFixed(3)} write units per member (budget ${BUDGETS[tracking]}), ${per(METRICS.readUnits).toFixed(3)} read units, ` +
        `${per(METRICS.sends).toFixed(3)} messages sent, ${per(METRICS.messages).toFixed(3)} received; at least ${requests.toFixed(4)} SQS requests`,
    );
    expect(per(METRICS.runs)).toBeGreaterThan(LEAST_RUNS);
    expect(per(METRICS.runs)).toBeLessThan(MOST_RUNS);
    expect(per(METRICS.writeUnits)).toBeGreaterThan(1);
    expect(per(METRICS.writeUnits)).toBeLessThanOrEqual(BUDGETS[tracking] + ALONE);
    expect(per(METRICS.sends)).toBeLessThanOrEqual(0.3);
  });

  it("a job of one task: counted", async () => {
    await quiet();
    const since = Date.now();
    const started = await Promise.all(Array.from({ length: JOBS }, () => api.client.submit(noop.s().canvas)));
    for (const { jobId } of started) await ended(api, jobId);
    const counted = await quiet(since);
    const per = (metric: string): string => ((counted[metric] ?? 0) / JOBS).toFixed(1);
    console.log(
      `a job of one task: ${per(METRICS.writeUnits)} write units, ${per(METRICS.readUnits)} read units (those of asking for its state included), ${per(METRICS.sends)} messages`,
    );
    // A function that a slow emulator holds up is given its message again.
    expect(counted[METRICS.runs]).toBeGreaterThanOrEqual(JOBS);
    expect(counted[METRICS.runs]).toBeLessThan(2 * JOBS);
    expect(counted[METRICS.writeUnits]).toBeLessThanOrEqual(30 * JOBS);
  });
});
