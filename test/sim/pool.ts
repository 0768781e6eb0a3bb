import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { addTally, type Batch, emptyTally, type Tally } from "./campaign.ts";
import { READ_SOURCES } from "../read-sources.ts";

const BATCH_RUNS = 40;

/**
 * Runs a range of seeds in several processes, one per core. The assignment of seeds to processes does not matter,
 * because a run depends on its seed alone.
 */
export async function runOverProcesses(
  whole: Batch,
  { processes = availableParallelism(), progress }: { processes?: number; progress?: (tally: Tally) => void } = {},
): Promise<Tally> {
  const total = emptyTally();
  let next = whole.from;
  const end = whole.from + whole.runs;
  const take = (): Batch | undefined => {
    if (next >= end || (whole.untilCaught && total.caught.length > 0)) return undefined;
    const batch = { ...whole, from: next, runs: Math.min(BATCH_RUNS, end - next) };
    next += batch.runs;
    return batch;
  };
  const children = Array.from({ length: Math.min(processes, Math.ceil(whole.runs / BATCH_RUNS)) }, start);
  process.once("exit", () => {
    for (const child of children) child.kill("SIGKILL");
  });
  const lane = async (child: ChildProcess): Promise<void> => {
    try {
      for (let batch = take(); batch; batch = take()) {
        addTally(total, await ask(child, batch));
        progress?.(total);
      }
    } finally {
      child.kill();
    }
  };
  await Promise.all(children.map(lane));
  total.caught.sort((a, b) => a.seed - b.seed);
  return total;
}

function start(): ChildProcess {
  return fork(new URL("pool-worker.ts", import.meta.url), { execArgv: READ_SOURCES, serialization: "advanced" });
}
function ask(child: ChildProcess, batch: Batch): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null): void =>
      reject(new Error(`a simulation process ended with code ${code} at seed ${batch.from} or after`));
    child.once("exit", gone);
    child.once("message", (tally) => {
      child.off("exit", gone);
      resolve(tally as Tally);
    });
    child.send(batch);
  });
}
