import { setTimeout as pause } from "node:timers/promises";
import type { Case } from "../case.ts";
import { CHILDREN } from "./bullmq-flow.ts";
import { type BullMq, measureBullMq } from "./bullmq.ts";
import { peerModule } from "./install.ts";

const POLL_MS = 5;

/** Measures `n` jobs that one process adds, all at once, until the last was completed. */
export const run: Case = (context) =>
  measureBullMq(context, async (connection) => {
    const { Queue } = peerModule<BullMq>("bullmq");
    const queue = new Queue(CHILDREN, { connection });
    let done = 0;
    const jobs = async (n: number): Promise<number> => {
      done += n;
      await Promise.all(Array.from({ length: n }, (_, index) => queue.add("identity", index)));
      for (;;) {
        const { completed = 0, failed = 0 } = await queue.getJobCounts("completed", "failed");
        if (failed > 0) throw new Error(`${failed} jobs failed`);
        if (completed === done) return 0;
        await pause(POLL_MS);
      }
    };
    return { run: jobs, tuning: 3_000, warmUp: 2_000, jobsEach: 1 };
  });
