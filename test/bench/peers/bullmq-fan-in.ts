import { type Case, WARM_UP } from "../case.ts";
import { measureBullMq, openFlow } from "./bullmq.ts";

/**
 * Measures a flow of `n` children that return their index, and a parent that adds the indexes up. The time runs from
 * the making of the flow to the completion of the parent.
 */
export const run: Case = (context) =>
  measureBullMq(context, async (connection) => {
    const flow = await openFlow(connection);
    return { run: async (n) => (await flow(n), 1), tuning: 3_000, warmUp: WARM_UP, jobsEach: 1 };
  });
