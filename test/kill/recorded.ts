import { SystemClock } from "../../functions/host/system-clock.ts";
import type { JobView, RunView } from "../../functions/engine/contract.ts";
import { openHost, type Host } from "../../functions/embedded/engine-host.ts";
import { EMBEDDED_CONFIG } from "../../functions/embedded/settings.ts";

/** The content of a data folder while no process works on it. */
export interface Recorded {
  readonly job: JobView | undefined;
  readonly runs: readonly RunView[];
  /** States of the job, in the order of its events. */
  readonly states: readonly string[];
}
const ENDED: ReadonlySet<string> = new Set(["success", "skipped", "error", "broken", "cancelled"]);
export const hasEnded = (run: RunView): boolean => ENDED.has(run.status);

/** Reads the store through the engine's own queries. No work is started, so nothing changes. */
export async function readRecorded(dataFolder: string, tasksModule: string): Promise<Recorded> {
  const host = await openHost({
    dataFolder,
    tasksModule,
    durability: "process",
    engine: { ...EMBEDDED_CONFIG, epoch: 0 },
    clock: new SystemClock(),
    holder: "reader",
    onSend: () => undefined,
    log: () => undefined,
    onUnwritable: () => undefined,
  });
  try {
    const { items } = await host.engine.jobs({ limit: 10 });
    if (items.length > 1) throw new Error(`one inventory was started, and there are ${items.length} jobs`);
    const [job] = items;
    if (job === undefined) return { job, runs: [], states: [] };
    return {
      job: await host.engine.job(job.jobId),
      runs: await allRuns(host, job.jobId),
      states: await statesOf(host, job.jobId),
    };
  } finally {
    await host.close();
  }
}
async function allRuns({ engine }: Host, jobId: string): Promise<RunView[]> {
  const runs: RunView[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await engine.runs(jobId, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
    runs.push(...page.items);
    if (page.cursor === undefined) return runs;
    ({ cursor } = page);
  }
}
async function statesOf({ engine }: Host, jobId: string): Promise<string[]> {
  const { items } = await engine.events(jobId, { limit: 1_000 });
  return items.filter(({ kind }) => kind === "state").map(({ state }) => state ?? "");
}
