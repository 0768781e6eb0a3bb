import { FanfoldError } from "../../core/errors.ts";
import { plannedAhead, type Strand } from "../../core/plan/plan.ts";
import { isShared } from "../../core/plan/run-id.ts";
import type { Context, KnownRuns } from "../context.ts";
import { PROGRESS_SHARDS, progressKey } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { countersOf } from "../items/ledger-reads.ts";

/** Jobs whose runs a process remembers. */
const JOBS = 1_000;

/** Remembers for a moment how many runs a job has, with those that this process has added since. */
export class KnownRunsCache implements KnownRuns {
  readonly #jobs = new Map<string, { runs: number; readonly until: number }>();

  recall(jobId: string, now: number): number | undefined {
    const known = this.#jobs.get(jobId);
    return known && known.until > now ? known.runs : undefined;
  }
  remember(jobId: string, runs: number, until: number): void {
    if (this.#jobs.size >= JOBS) this.#jobs.clear();
    this.#jobs.set(jobId, { runs, until });
  }
  add(jobId: string, runs: number): void {
    const known = this.#jobs.get(jobId);
    if (known) known.runs += runs;
  }
}

/** What one attempt has spawned. Its pages may be stored long before their runs are counted. */
export class OwnRuns {
  #before: number | undefined;
  #spawned = 0;

  /** Returns the runs that the job has at least. `known` is what was read last. */
  atLeast(known: number): number {
    this.#before ??= known;
    return Math.max(known, this.#before + this.#spawned);
  }
  add(runs: number): void {
    this.#spawned += runs;
  }
}

/**
 * Throws `budget_exceeded` when the children of a run would bring its job above its budget. Checked before anything of
 * them is stored or sent. Runs of children are counted when these are sent, so each process may go beyond the budget by
 * what others spawn within `headerCacheMs`. Costs 17 reads for each job and process within that time, and no write.
 */
export async function checkBudget(
  context: Context,
  { jobId, runId }: { readonly jobId: string; readonly runId: string },
  children: readonly Strand[],
  own = new OwnRuns(),
): Promise<void> {
  const { runsPerJob, headerCacheMs } = context.config;
  // Runs that jobs share belong to none.
  if (!Number.isFinite(runsPerJob) || isShared(jobId)) return;
  const now = context.clock.now();
  let remembered = context.knownRuns.recall(jobId, now);
  if (remembered === undefined) {
    remembered = await readPlanned(context, jobId);
    context.knownRuns.remember(jobId, remembered, now + headerCacheMs);
  }
  const known = own.atLeast(remembered);
  const asked = children.reduce((sum, strand) => sum + plannedAhead(strand), 0);
  if (known + asked > runsPerJob) {
    throw new FanfoldError(
      "budget_exceeded",
      `a job has at most ${runsPerJob} runs: it has ${known}, and ${runId} asks for ${asked} more. Put more work into each run, and see that recursion ends`,
      { details: { runs: known, asked, limit: runsPerJob } },
    );
  }
  context.knownRuns.add(jobId, asked);
  own.add(asked);
}
async function readPlanned(context: Context, jobId: string): Promise<number> {
  const keys = Array.from({ length: PROGRESS_SHARDS }, (_, shard) => progressKey(jobId, shard));
  const root = await readHeader(context, jobId);
  const shards = await context.store.getMany(keys);
  return shards.reduce((sum, shard) => sum + (countersOf(shard)["planned"] ?? 0), root?.job?.planned ?? 0);
}
