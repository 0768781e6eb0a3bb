import { chord, defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { noop } from "../../../functions/tasks/examples.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

export const FAILURES = 10;

/** What rounds cost that take up a few members of a big group. */
export interface SmallRounds {
  /** Items that the retry of one run wrote until that run was claimed. */
  readonly itemsOfOne: number;
  /** Members that ran in the round of one run. */
  readonly ranInOne: number;
  /** Write units of the round that took up all failures, from its request to the end of its job. */
  readonly unitsOfAll: number;
  /** Calls of the store in that round, reads among them. */
  readonly callsOfAll: number;
  readonly ranInAll: number;
  readonly job: unknown;
}
/**
 * Runs a chord of so many members, ten of which fail, each in a leaf of its own. Retries one of these, which fails
 * again, then all ten, which succeed.
 */
export async function smallRounds(members: number): Promise<SmallRounds> {
  const failing = new Set(Array.from({ length: FAILURES }, (_, k) => Math.floor((k * (members - 1)) / FAILURES)));
  const [first = 0] = failing;
  let ran = 0;
  const member = defineTask({
    name: "member",
    run: (_ctx, index: number) => {
      ran++;
      if (failing.has(index)) throw new TaskError("disk full", { retryable: false });
      return index;
    },
  });
  const local = new LocalEngine([member, noop]);
  const signatures = Array.from({ length: members }, (_, index) => member.s(index));
  const { jobId } = await local.engine.submit({
    canvas: chord(group(signatures, { tracking: "ledger" }), noop.si()).canvas,
  });
  await local.untilQuiet();
  if (ran !== members) throw new Error(`${ran} members ran, not ${members}`);

  ran = 0;
  const itemsOfOne = watchItems(local);
  await local.engine.retry(jobId, { filter: { runIds: [`${jobId}.0.g.${first}`] } });
  await local.untilQuiet();
  const ranInOne = ran;

  ran = 0;
  failing.clear();
  const { writes } = countPorts(local);
  const before = local.store.stats().requests;
  await local.engine.retry(jobId, {});
  await local.untilQuiet();
  const unitsOfAll = Object.values(writes).reduce((sum, units) => sum + units, 0);
  const callsOfAll = local.store.stats().requests - before;
  const job = await local.engine.job(jobId);
  return { itemsOfOne: itemsOfOne(), ranInOne, unitsOfAll, callsOfAll, ranInAll: ran, job };
}

/** Counts the items that are written from now on, until a run is claimed. */
function watchItems({ store }: LocalEngine): () => number {
  const items = new Set<string>();
  let claimed = false;
  const write = store.write.bind(store);
  store.write = (op) => {
    claimed ||= op.op === "update" && op.change.set?.["status"] === "started";
    if (!claimed) items.add(`${op.key.table} ${op.key.partition} ${op.key.sort}`);
    return write(op);
  };
  store.writeMany = (ops) => Promise.all(ops.map((op) => store.write(op)));
  return () => {
    if (!claimed) throw new Error("no run was claimed");
    return items.size;
  };
}
