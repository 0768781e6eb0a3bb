import type { Json } from "../../functions/core/json.ts";
import { parentsOf, type Result, type ResultSource, type Run } from "../../functions/client/index.ts";

/** Returns all runs of a job, with their logs when `withLogs` is set. */
export async function runsOf(driver: ResultSource, jobId: string, withLogs: boolean): Promise<readonly Run[]> {
  const runs: Run[] = [];
  let cursor: string | undefined;
  do {
    const page = await driver.runs(jobId, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
    runs.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  if (!withLogs) return runs;
  return Promise.all(runs.map(async (run) => (run.task === undefined ? run : ((await driver.run(run.runId)) ?? run))));
}

/** Returns the values that the tasks logged, in order of time. */
export function logOf(runs: readonly Run[]): readonly Json[] {
  const lines = runs
    .flatMap(({ detail, earlier = [] }) => [...(detail ? [detail] : []), ...earlier])
    .flatMap(
      ({ log }) =>
        log as readonly { readonly message: string; readonly fields?: { readonly value: Json; readonly at: number } }[],
    );
  const written = lines.flatMap(({ message, fields }) => (message === "conformance" && fields ? [fields] : []));
  return written.sort((a, b) => a.at - b.at).map(({ value }) => value);
}

/** Returns how many runs of each task have begun. Runs of a map have the name that Celery gives them. */
export function executedOf(runs: readonly Run[]): { readonly [task: string]: number } {
  const executed: { [task: string]: number } = {};
  for (const run of runs) {
    if (run.task === undefined || run.startedAt === undefined) continue;
    const name = run.each === undefined ? run.task : `celery.${run.each}`;
    executed[name] = (executed[name] ?? 0) + 1;
  }
  return executed;
}

/** Returns the values of a result's parents, nearest first. A group becomes `{ group: values }`. */
export function parentValues(result: Result): readonly Json[] {
  return parentsOf(result).map((parent) =>
    parent.members === undefined ? (parent.value ?? null) : { group: parent.join() as Json[] },
  );
}

export function groupApi({ ready, successful, failed, waiting, completedCount }: Result): {
  readonly [name: string]: Json;
} {
  return { ready, successful, failed, waiting, completed_count: completedCount };
}

/** Counts a result and everything below it, which are its members and the results of its links. */
export function graphSize(result: Result): { readonly nodes: number; readonly edges: number } {
  const below = [...(result.members ?? []), ...result.children].map(graphSize);
  const total = (of: (size: { nodes: number; edges: number }) => number): number =>
    below.reduce((sum, size) => sum + of(size), 0);
  return { nodes: 1 + total(({ nodes }) => nodes), edges: below.length + total(({ edges }) => edges) };
}
