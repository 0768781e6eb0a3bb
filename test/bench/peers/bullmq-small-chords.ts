import { type Case, WARM_UP } from "../case.ts";
import { measureBullMq, openFlow } from "./bullmq.ts";

const MEMBERS = 20;
/** As many as ours. */
const AT_ONCE = 32;

/** Measures `n` flows of 20 children. Several are added at the same time. */
export const run: Case = (context) =>
  measureBullMq(context, async (connection) => {
    const flow = await openFlow(connection);
    const flows = async (n: number): Promise<number> => {
      let left = n;
      const adder = async (): Promise<void> => {
        while (left-- > 0) await flow(MEMBERS);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, adder));
      return n;
    };
    return { run: flows, tuning: 300, warmUp: WARM_UP / MEMBERS, jobsEach: MEMBERS };
  });
