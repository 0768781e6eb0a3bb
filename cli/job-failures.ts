import { type Client, hasEnded, type Job } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { formatCount, oneLine, table } from "./format.ts";
import { failedRuns } from "./progress.ts";

/** Failures of one task for one reason. */
interface FailureKind {
  readonly task: string;
  /** Reason of the error, or its name when it has none. */
  readonly reason: string;
  readonly count: number;
  /** Id of one of the runs. */
  readonly example: string;
}
/** The failures of a job. */
interface JobFailures {
  readonly kinds: readonly FailureKind[];
  /** Set when there are more than were counted. */
  readonly more?: true;
}
/** Events of a job that is not over that are looked through for failures. */
const MOST_EVENTS = 5_000;
const SHOWN = 10;
const NONE: ReadonlySet<string> = new Set(["nothing_to_retry", "job_over", "job_unfinished", "run_live"]);

/** Returns what failed in a job: of an ended one what a retry would take up, else what its events tell so far. */
export async function failuresOf(client: Client, job: Job): Promise<JobFailures> {
  if (failedRuns(job) === 0) return { kinds: [] };
  if (!hasEnded(job)) return failuresSoFar(client, job.jobId);
  try {
    const { failures, exact } = await client.previewRetry(job.jobId);
    return { kinds: failures, ...(!exact && { more: true }) };
  } catch (error) {
    if (error instanceof FanfoldError && NONE.has(error.code)) return failuresSoFar(client, job.jobId);
    throw error;
  }
}
async function failuresSoFar(client: Client, jobId: string): Promise<JobFailures> {
  const kinds = new Map<string, FailureKind>();
  let events = 0;
  for await (const { kind, task = "group", runId = "", error } of client.events(jobId)) {
    if (++events > MOST_EVENTS) return { kinds: [...kinds.values()], more: true };
    if (kind !== "failure") continue;
    const reason = error?.reason ?? error?.name ?? "";
    const key = JSON.stringify([task, reason]);
    const before = kinds.get(key) ?? { task, reason, count: 0, example: runId };
    kinds.set(key, { ...before, count: before.count + 1 });
  }
  return { kinds: [...kinds.values()] };
}

/** Returns a table of the failures, the most frequent first. */
export function failureLines({ kinds, more }: JobFailures, width: number): string[] {
  if (kinds.length === 0) return [];
  const sorted = kinds.toSorted((a, b) => b.count - a.count);
  const rest = kinds.length - SHOWN;
  return [
    "",
    ...table(
      [{ title: "FAILED", right: true }, { title: "TASK" }, { title: "REASON" }, { title: "EXAMPLE" }],
      sorted
        .slice(0, SHOWN)
        .map(({ task, reason, count, example }) => [
          `${formatCount(count)}${more ? "+" : ""}`,
          oneLine(task, 60),
          oneLine(reason, 60),
          example,
        ]),
      width,
    ),
    ...(rest > 0 ? [`and ${formatCount(rest)} more kinds`] : []),
  ];
}
