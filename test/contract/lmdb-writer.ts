import { LmdbEnvironment } from "../../functions/embedded/lmdb/lmdb-environment.ts";
import { LmdbQueue } from "../../functions/embedded/lmdb/lmdb-queue.ts";
import { LmdbStore } from "../../functions/embedded/lmdb/lmdb-store.ts";
import { SystemClock } from "../../functions/host/system-clock.ts";

/**
 * Runs as a process of lmdb-processes.test.ts. It counts and marks through conditions and reports acknowledged writes
 * to its parent. An increment and its mark are one update, so a half-applied update shows as a count that differs from
 * the number of marks.
 */
const [folder = "", name = "", count = "0"] = process.argv.slice(2);
const environment = new LmdbEnvironment({ folder, ensureParent: () => undefined });
const store = new LmdbStore(environment);
const queue = new LmdbQueue(environment, { clock: new SystemClock(), holder: name });
const LEDGERS = 8;

process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));
const promised: string[] = [];
for (let first = 0; first < Number(count); first += LEDGERS) {
  const marks = Array.from({ length: LEDGERS }, async (_, ledger) => {
    const mark = `${name}-${first + ledger}`;
    const { applied } = await store.write({
      op: "update",
      key: { table: "callbacks", partition: `L#${ledger}`, sort: "!" },
      change: { add: { count: 1, marks: new Set([mark]) } },
      when: { op: "not", of: { op: "contains", attribute: "marks", value: mark } },
    });
    const claim = await store.write({
      op: "put",
      key: { table: "tasks", partition: "claims", sort: `${first + ledger}` },
      attributes: { owner: name },
      when: { op: "absent" },
    });
    if (claim.applied) await queue.send([{ queue: "won", jobId: name, body: first + ledger }]);
    return { mark, applied, won: claim.applied };
  });
  const done = await Promise.all(marks);
  if (done.some(({ applied }) => !applied)) throw new Error("a mark was refused that nobody else makes");
  promised.push(...done.map(({ mark }) => mark));
  // A message in the pipe survives a kill of this process.
  process.send?.(done);
}
await environment.close();
process.send?.("finished");
process.disconnect();
