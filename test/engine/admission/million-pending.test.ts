import { expect, it } from "vitest";
import type { Signature } from "../../../functions/core/canvas/canvas.ts";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const TASKS = 50;
const MEMBERS = 2_000;
const CAP = 20;
const TURN = 4;
const QUEUES = Array.from({ length: 5 }, (_, k) => `local.q${k}#worker`);
const began = new Map<string, string[]>();
const tasks = Array.from({ length: TASKS }, (_, k) => {
  const queue = `q${k % QUEUES.length}`;
  return defineTask({
    name: `task${k}`,
    queue,
    run: (_ctx, label: string) => void began.set(queue, [...(began.get(queue) ?? []).slice(-3), label]),
  });
});

/**
 * 100,000 runs of 50 tasks, with ranges of 256: as many entries as a million runs have with the ranges of production.
 */
it(
  "S098 however many runs of 50 tasks are pending, no queue exceeds its cap by more than a turn, and what is kept does not grow",
  { timeout: 300_000 },
  async () => {
    const caps = Object.fromEntries(QUEUES.map((queue) => [queue, CAP]));
    const local = new LocalEngine(
      tasks,
      { caps, messagesPerTurn: TURN, expandRange: 256, membersPerMessage: 8, queues: QUEUES, inPlaceSteps: 0 },
      { queues: ["engine", ...QUEUES] },
    );
    const depths = async (): Promise<number> => {
      const all = await Promise.all(QUEUES.map((queue) => local.queue.depth(queue)));
      return Math.max(...all.map(({ ready, inFlight }) => ready + inFlight));
    };
    const entries = async (): Promise<number> => {
      const pages = QUEUES.flatMap((queue) =>
        [0, 1, 2].map((band) => local.store.query("tasks", `BQ#${queue}#${band}`)),
      );
      return (await Promise.all(pages)).reduce((sum, { items }) => sum + items.length, 0);
    };
    /** Handles what waits for the engine, then some messages of each queue. */
    const turn = async (messages: number): Promise<void> => {
      for (const [queue, max] of [["engine", 100], ...QUEUES.map((each) => [each, messages] as const)] as const)
        for (const message of await local.queue.receive([queue], max, 3_600)) {
          await local.passing(local.engine.handle(message, LocalEngine.loop));
          await local.queue.ack([message.id]);
        }
      local.clock.set(local.clock.now() + 1_000);
    };
    const jobs: string[] = [];
    for (const task of tasks) {
      const members = Array.from({ length: MEMBERS }, () => task.si("bulk"));
      jobs.push((await local.engine.submit({ canvas: group(members, { tracking: "ledger" }).canvas })).jobId);
    }
    for (let k = 0; k < 30; k++) await turn(0);
    const held = await entries();
    expect(held).toBeLessThanOrEqual((TASKS * Math.ceil(MEMBERS / 256)) as number);
    expect(await depths()).toBe(CAP);
    const pending = await Promise.all(jobs.map(async (jobId) => (await local.engine.job(jobId))?.pending ?? 0));
    expect(pending.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0.95 * TASKS * MEMBERS);
    for (let k = 0; k < 20; k++) {
      await turn(CAP / 2);
      expect(await depths()).toBeLessThanOrEqual(CAP + TURN);
      expect(await entries()).toBeLessThanOrEqual(held);
    }
    for (const [k, task] of tasks.slice(0, QUEUES.length).entries()) {
      const { canvas } = task.si(`urgent ${k}`);
      await local.engine.submit({ canvas: { ...(canvas as Signature), options: { priority: 9 } } });
    }
    await turn(0);
    await turn(0);
    began.clear();
    await turn(1);
    expect(QUEUES.map((_, k) => began.get(`q${k}`)?.at(0))).toEqual(QUEUES.map((_, k) => `urgent ${k}`));
    expect(await depths()).toBeLessThanOrEqual(CAP + TURN);
  },
);
