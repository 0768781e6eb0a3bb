import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { Signature } from "../../../functions/core/canvas/canvas.ts";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** `FANFOLD_PENDING=1000000` runs the whole of it. */
const RUNS = Number(process.env["FANFOLD_PENDING"] ?? 200_000);
const TASKS = 50;
const CAP = 32;
/** Messages of one turn, the default. */
const TURN = 16;
const QUEUES = Array.from({ length: 5 }, (_, k) => `local.q${k}#worker`);
/** What may come and go in the memory of the process, in MB. */
const SLACK_MB = 60;

const ran = { all: 0, firstOf: new Map<string, string>() };
const tasks = Array.from({ length: TASKS }, (_, k) => {
  const queue = `q${k % QUEUES.length}`;
  return defineTask({
    name: `task${k}`,
    queue,
    run: (_ctx, label: string) => {
      ran.all++;
      if (!ran.firstOf.has(queue)) ran.firstOf.set(queue, label);
    },
  });
});
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
function heapMb(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}

it(
  `S098 S102 ${RUNS} pending runs of 50 tasks: short queues, flat memory, and what is urgent is next`,
  { timeout: 1_800_000 },
  async () => {
    const caps = Object.fromEntries(QUEUES.map((queue) => [queue, CAP]));
    const local = new LocalEngine(
      tasks,
      { caps, messagesPerTurn: TURN, queues: QUEUES },
      { queues: ["engine", ...QUEUES] },
    );
    const deepest = async (): Promise<number> => {
      const all = await Promise.all(QUEUES.map((queue) => local.queue.depth(queue)));
      return Math.max(...all.map(({ ready, inFlight }) => ready + inFlight));
    };
    /** Handles what waits for the engine, then some messages of each queue. Returns whether there were any. */
    const turn = async (messages: number): Promise<boolean> => {
      let any = false;
      for (const [queue, max] of [["engine", 100], ...QUEUES.map((each) => [each, messages] as const)] as const)
        for (const message of await local.queue.receive([queue], max, 3_600)) {
          any = true;
          const disposition = await local.passing(local.engine.handle(message, LocalEngine.loop));
          if (disposition.kind === "done") await local.queue.ack([message.id]);
          else await local.queue.later(message.id, disposition.delaySeconds);
        }
      local.clock.set(local.clock.now() + 1_000);
      return any;
    };
    const startedAt = performance.now();
    const jobs: string[] = [];
    for (const task of tasks) {
      const members = Array.from({ length: RUNS / TASKS }, () => task.si("bulk"));
      jobs.push((await local.engine.submit({ canvas: group(members, { tracking: "ledger" }).canvas })).jobId);
    }
    for (let k = 0; k < 40; k++) await turn(0);
    const pending = async (): Promise<number> => {
      const all = await Promise.all(jobs.map(async (jobId) => (await local.engine.job(jobId))?.pending ?? 0));
      return all.reduce((sum, count) => sum + count, 0);
    };
    const waiting = await pending();
    expect(waiting).toBeGreaterThanOrEqual(RUNS - QUEUES.length * CAP * 256);
    const before = heapMb();

    for (const [k, task] of tasks.slice(0, QUEUES.length).entries()) {
      const { canvas } = task.si(`urgent ${k}`);
      jobs.push((await local.engine.submit({ canvas: { ...(canvas as Signature), options: { priority: 9 } } })).jobId);
    }
    await turn(0);
    await turn(0);
    await turn(1);
    expect(QUEUES.map((_, k) => ran.firstOf.get(`q${k}`))).toEqual(QUEUES.map((_, k) => `urgent ${k}`));

    let most = 0;
    let heap = before;
    for (let k = 0; await turn(CAP / 2); k++) {
      most = Math.max(most, await deepest());
      if (k % 20 === 0) heap = Math.max(heap, heapMb());
    }
    expect(most).toBeLessThanOrEqual(CAP + TURN);
    expect(heap - before).toBeLessThan(SLACK_MB);
    const states = await Promise.all(jobs.map(async (jobId) => (await local.engine.job(jobId))?.state));
    expect(states.filter((state) => state !== "success")).toEqual([]);
    expect([ran.all, await pending()]).toEqual([RUNS + QUEUES.length, 0]);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    console.log(
      `${RUNS} runs, ${waiting} pending at once: ${seconds} s, heap ${before.toFixed(0)} MB, at most ${heap.toFixed(0)} MB, deepest ${most}`,
    );
  },
);
