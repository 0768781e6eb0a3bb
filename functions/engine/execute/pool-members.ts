import { bulkOf, pool, sendCalls } from "../admission/bulk-pool.ts";
import { DONE } from "../attempt/member-outcome.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { mustRunAlone } from "../items/run-claims.ts";
import { placeOf } from "../plan/step-placement.ts";
import type { Ready, Report } from "./member-reports.ts";

/**
 * Lets members of bulk tasks wait in the pool of their task, and returns the others. A member that must be alone in its
 * call waits for nobody.
 */
export async function poolMembers(
  context: Context,
  header: Header,
  members: readonly Ready[],
): Promise<{ readonly ready: readonly Ready[]; readonly pooled: readonly Report[] }> {
  const bulk = members.filter(({ step }) => bulkOf(context, step) !== undefined);
  if (bulk.length === 0) return { ready: members, pooled: [] };
  const single = bulk.filter(({ run }) => mustRunAlone(context, run) || run?.among === 1);
  for (const { ref, step } of single) {
    const { queue, band } = placeOf(context, step);
    await sendCalls(context, { queue, task: step.task }, [{ members: [{ ...ref, header }], band }]);
  }
  const together = bulk.filter((member) => !single.includes(member));
  if (together.length > 0)
    await pool(
      context,
      header,
      together.map(({ ref, step }) => ({ ...ref, step })),
    );
  return {
    ready: members.filter((member) => !bulk.includes(member)),
    pooled: bulk.map(({ ref }) => ({ ref, outcome: DONE })),
  };
}
