import { describe, expect, it } from "vitest";
import { chord, defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { noop } from "../../../functions/tasks/examples.ts";
import { type Counted, countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

/** Work of a retry is that of what failed. 40,000 members have 157 leaves, 10 of which have a failure each. */
const MEMBERS = 40_000;
const BROKEN = Array.from({ length: 10 }, (_, k) => k * 3_999);

async function failedJob(): Promise<{ local: LocalEngine; jobId: string; ran: Map<number, number>; heal: () => void }> {
  const ran = new Map<number, number>();
  const broken = new Set(BROKEN);
  const member = defineTask({
    name: "member",
    run: (_ctx, index: number) => {
      ran.set(index, (ran.get(index) ?? 0) + 1);
      if (broken.has(index)) throw new TaskError("disk full", { retryable: false });
      return index;
    },
  });
  const local = new LocalEngine([member, noop]);
  const members = Array.from({ length: MEMBERS }, (_, index) => member.s(index));
  const { jobId } = await local.engine.submit({
    canvas: chord(group(members, { tracking: "ledger" }), noop.si()).canvas,
  });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({ counts: { success: MEMBERS - 10, error: 10 } });
  return { local, jobId, ran, heal: () => broken.clear() };
}
const writesOf = ({ writes }: Counted): number => Object.values(writes).reduce((sum, units) => sum + units, 0);

describe("a retry costs what failed, and not what the job is", { timeout: 120_000 }, () => {
  it("ten failures among many members take up ten leaves, and run ten members and the body", async () => {
    const { local, jobId, ran, heal } = await failedJob();
    heal();
    const counted = countPorts(local);
    await local.engine.retry(jobId, {});
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      counts: { success: MEMBERS + 1 },
      countsExact: true,
    });
    expect([...ran.values()].filter((times) => times > 1)).toHaveLength(10);
    // A leaf written, a row taken up, claimed and ended, and a mark, for each; and the way up to the job.
    expect(writesOf(counted)).toBeLessThan(120);
  });

  it("one run among many touches fewer than 20 items until it runs", async () => {
    const { local, jobId } = await failedJob();
    const touched = new Set<string>();
    const write = local.store.write.bind(local.store);
    let over = false;
    local.store.write = (op) => {
      over ||= op.op === "update" && op.change.set?.["status"] === "started";
      if (!over) touched.add(`${op.key.table} ${op.key.partition} ${op.key.sort}`);
      return write(op);
    };
    local.store.writeMany = (ops) => Promise.all(ops.map((op) => local.store.write(op)));
    await local.engine.retry(jobId, { filter: { runIds: [`${jobId}.0.g.3999`] } });
    await local.untilQuiet();
    expect(over).toBe(true);
    expect(touched.size).toBeLessThan(20);
  });
});
