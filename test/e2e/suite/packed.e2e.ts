import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { DynamoStore } from "../../../functions/aws/dynamo-store.ts";
import { noUsage } from "../../../functions/aws/usage.ts";
import { METRICS } from "../../../functions/core/names/metric-names.ts";
import { leafOf } from "../../../functions/core/plan/ledger.ts";
import { DEFAULT_CONFIG, ROWLESS_SAMPLE } from "../../../functions/engine/config.ts";
import { ledgerKey, PROGRESS_SHARDS, progressKey } from "../../../functions/engine/item-kinds.ts";
import { chord, group } from "../../../functions/sdk/index.ts";
import { connect, ended } from "../deployment.ts";
import { type Counted, quiet } from "../metrics.ts";
import { PREFIX } from "../names.ts";
import { numbered, values } from "../tasks/index.ts";

const MEMBERS = 2_000;
/**
 * Tolerance in write units. The number of counting parts is derived from the members they counted, which is exact
 * unless a message was split.
 */
const UNITS_OFF = 2;
/** Write units of statistics at the end of an invocation, at most: two for the task at its site, and one for the queue. */
const STATISTICS = 3;
const TRIES = 4;
const NO_PARTS: ReadonlySet<string> = new Set();

it(`${MEMBERS} packed members: the callback is given all values in order, and the functions send and write what the plan said`, async () => {
  const api = await connect();
  const indexes = Array.from({ length: MEMBERS }, (_, n) => n);
  const members = group(
    indexes.map((n) => numbered.s(n)),
    { tracking: "ledger" },
  );
  const { canvas } = chord(members, values.s());
  const plan = await api.client.plan(canvas);
  expect(plan).toMatchObject({ taskRuns: MEMBERS + 1, notes: [], grows: false });

  const { jobId, counted } = await undisturbed(async () => {
    const submitted = await api.client.submit(canvas);
    const job = await ended(api, submitted.jobId);
    expect(job).toMatchObject({
      state: "success",
      counts: { success: MEMBERS + 1 },
      countsExact: true,
      value: indexes,
    });
    expect(job.cost).toMatchObject({
      measured: { taskRuns: MEMBERS + 1, failed: 0 },
      computed: { writeUnits: plan.writeUnits, messages: plan.messages.total },
    });
    return submitted.jobId;
  });
  const messages = plan.messages.total - (plan.messages.byQueue["engine"] ?? 0);
  const { parts, counting } = await endsOf(jobId);
  // The plan assumes that the members of a message end together, and that one in ROWLESS_SAMPLE of these ends counts
  // progress.
  const assumed = messages + Math.round(messages / ROWLESS_SAMPLE);
  const expected = plan.writeUnits.total - assumed + parts + counting;
  console.log(
    `${MEMBERS} packed members: ${counted[METRICS.sends]} messages sent (planned ${plan.messages.total}), ${counted[METRICS.writeUnits]} write units ` +
      `(planned ${plan.writeUnits.total}; ${expected} when ${messages} messages end in ${parts} parts of which ${counting} count progress)`,
  );
  expect(counted[METRICS.runs]).toBe(MEMBERS + 1);
  expect(counted[METRICS.sends]).toBe(plan.messages.total);
  const more = (counted[METRICS.writeUnits] ?? 0) - expected;
  expect(more).toBeGreaterThanOrEqual(-UNITS_OFF);
  expect(more).toBeLessThanOrEqual(UNITS_OFF + STATISTICS * (counted[METRICS.messages] ?? 0));
});

/**
 * Runs jobs until one was measured without a batch that gave members back. A batch that takes much longer than expected
 * gives back the members that have not begun, so they travel again. No plan counts this extra travel. It happens to the
 * first batches of a new function on a busy machine, and shows in the number of runs.
 */
async function undisturbed(run: () => Promise<string>): Promise<{ jobId: string; counted: Counted }> {
  for (let tries = 1; ; tries++) {
    await quiet();
    const since = Date.now();
    const jobId = await run();
    const counted = await quiet(since);
    if (counted[METRICS.runs] === MEMBERS + 1 || tries === TRIES) return { jobId, counted };
  }
}
/**
 * Returns `parts`, the sets of members of a leaf that ended together in one write, and `counting`, the parts that
 * counted progress too.
 */
async function endsOf(jobId: string): Promise<{ parts: number; counting: number }> {
  const store = new DynamoStore(new DynamoDBClient({}), PREFIX, noUsage());
  const leaves = Array.from({ length: leafOf(MEMBERS - 1, DEFAULT_CONFIG.width) + 1 }, (_, leaf) =>
    ledgerKey(`${jobId}.0.g`, 0, 1, leaf),
  );
  const nodes = await store.getMany(leaves);
  const progress = await store.getMany(
    Array.from({ length: PROGRESS_SHARDS }, (_, shard) => progressKey(jobId, shard)),
  );
  const parts = nodes.reduce(
    (sum, node) => sum + ((node?.attributes["parts"] ?? NO_PARTS) as ReadonlySet<string>).size,
    0,
  );
  const success = progress.reduce((sum, shard) => sum + ((shard?.attributes["success"] as number | undefined) ?? 0), 0);
  // The callback counts itself. A part that counts progress counts for the other parts as well.
  const members = (success - 1) / ROWLESS_SAMPLE;
  return { parts, counting: Math.round((members * parts) / MEMBERS) };
}
