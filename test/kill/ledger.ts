import type { RunView } from "../../functions/engine/contract.ts";
import { hasEnded, type Recorded } from "./recorded.ts";

/** What the row of each ended run said, by run id. */
type EndedRow = Pick<RunView, "status" | "attempt" | "endedAt"> & { readonly task: string | undefined };

/** Keeps what was recorded at the end of each life of an inventory, and checks everything later against it. */
export class Ledger {
  readonly problems: string[] = [];
  readonly #ended = new Map<string, EndedRow>();
  #lines = 0;

  /** Attempts that have begun so far. */
  get begun(): number {
    return this.#lines;
  }
  recorded(task: string): number {
    return [...this.#ended.values()].filter((row) => row.task === task).length;
  }

  /**
   * Checks one life. `trace` holds all lines so far. The lines since the last life must not name a run that was
   * recorded before.
   */
  afterLife(runs: readonly RunView[], trace: readonly string[]): void {
    for (const line of trace.slice(this.#lines)) {
      const [runId = ""] = line.split(" ");
      if (this.#ended.has(runId)) this.problems.push(`${runId} was recorded as ended and began again`);
    }
    this.#lines = trace.length;
    const seen = new Set<string>();
    for (const run of runs) {
      if (seen.has(run.runId)) this.problems.push(`${run.runId} is listed twice`);
      seen.add(run.runId);
      if (hasEnded(run)) this.#keep(run);
      else if (this.#ended.has(run.runId))
        this.problems.push(`${run.runId} was recorded as ended and is ${run.status}`);
    }
    for (const runId of this.#ended.keys())
      if (!seen.has(runId)) this.problems.push(`${runId} was recorded as ended and is gone`);
  }
  /** Checks that the row of an ended run never changes, because a run ends by one commit. */
  #keep({ runId, task, status, attempt, endedAt }: RunView): void {
    const before = this.#ended.get(runId);
    if (before === undefined) this.#ended.set(runId, { task, status, attempt, endedAt });
    else if (before.status !== status || before.attempt !== attempt || before.endedAt !== endedAt) {
      this.problems.push(
        `${runId} ended twice: ${JSON.stringify(before)}, then ${JSON.stringify({ status, attempt, endedAt })}`,
      );
    }
  }

  /** Returns the problems of the finished inventory. */
  problemsAtEnd({ job, runs, states }: Recorded, chunks: number): string[] {
    const problems: string[] = [];
    const expectEqual = (what: string, given: unknown, expected: unknown): void => {
      if (given !== expected) problems.push(`${what}: ${String(given)} instead of ${String(expected)}`);
    };
    const successful = (task: string): number =>
      runs.filter((run) => run.task === task && run.status === "success").length;
    expectEqual("the job's state", job?.state, "success");
    expectEqual("ends of the job among its events", states.filter((state) => state === "success").length, 1);
    expectEqual("rows that have not ended", runs.filter((run) => !hasEnded(run)).length, 0);
    expectEqual("walks", successful("inventory.walk"), 1);
    expectEqual("digests", successful("inventory.digest"), chunks);
    expectEqual("reports", successful("inventory.report"), 1);
    expectEqual("runs that the job counts", job?.counts["success"], chunks + 2);
    return problems;
  }
}
