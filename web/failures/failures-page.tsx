import { useState } from "preact/hooks";
import type { FailureGroup, RetriedJobs, RetryAllOptions } from "../../functions/client/index.ts";
import { recordAction } from "../actions/action-log.ts";
import { formatCount, formatCounted, formatTime } from "../format.ts";
import { Command } from "../parts/buttons.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { usePages } from "../parts/pages.ts";
import { Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { server } from "../server.ts";

const HOUR = 3_600_000;
/** Hours that are looked back unless somebody says otherwise: who comes in the morning means last night. */
const DAY = 24;
const TIMES = [
  ["1", "the last hour"],
  ["12", "the last 12 hours"],
  ["", "the last day"],
  ["168", "the last week"],
  ["all", "any time"],
] as const;

/** Failures of all jobs by task and error, the most first. One button retries one kind of them. */
export function FailuresPage({ route }: { readonly route: Route }) {
  const [task, reason, hours] = ["task", "reason", "hours"].map((name) => route.query.get(name) ?? "") as [
    string,
    string,
    string,
  ];
  const [retried, setRetried] = useState<FailureGroup>();
  const since = sinceOf(hours);
  const kinds = usePages<FailureGroup>(
    JSON.stringify([task, reason, hours]),
    (cursor) =>
      server().failures({
        ...(task !== "" && { task }),
        ...(reason !== "" && { reason }),
        ...(since !== undefined && { since }),
        ...(cursor !== undefined && { cursor }),
      }),
    keyOf,
  );
  const set = (name: string) => (event: Event) =>
    setQuery(route, { [name]: (event.currentTarget as HTMLInputElement).value.trim() });
  return (
    <>
      <div class="title">
        <h1>Failures</h1>
        <span class="quiet">of all jobs that have not expired; also those that were retried well</span>
      </div>
      <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        <input type="search" aria-label="task" placeholder="task, in full" value={task} onChange={set("task")} />
        <input type="text" aria-label="reason" placeholder="reason, in full" value={reason} onChange={set("reason")} />
        <select aria-label="time" value={hours} onChange={set("hours")}>
          {TIMES.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
        <button type="button" onClick={kinds.reload}>
          look again
        </button>
      </form>
      <Problem error={kinds.error} />
      <ul class="kinds">
        {[...kinds.items]
          .toSorted((a, b) => b.count - a.count)
          .map((kind) => (
            <li key={keyOf(kind)}>
              <Kind kind={kind} />
              <button type="button" onClick={() => setRetried(kind)}>
                Retry these …
              </button>
            </li>
          ))}
      </ul>
      {kinds.reading && <Loading what="failures" />}
      {kinds.more && (
        <button type="button" onClick={kinds.more}>
          look further
        </button>
      )}
      {!kinds.empty && !kinds.reading && !kinds.more && kinds.items.length === 0 && (
        <Empty title="Nothing has failed in that time.">
          {hours !== "all" && (
            <p>
              <a href={to(["failures"], { task, reason, hours: "all" })}>look at any time</a>
            </p>
          )}
          <p>A job that fails, to see what this page shows:</p>
          <Command text={`echo '{"task":"fail"}' | npm run fanfold -- submit -`} />
        </Empty>
      )}
      {retried && (
        <RetryKind
          kind={retried}
          since={since}
          onClose={() => {
            setRetried(undefined);
            kinds.reload();
          }}
        />
      )}
    </>
  );
}
const keyOf = ({ task, reason }: FailureGroup): string => JSON.stringify([task, reason]);
/** The time is that of the first look: a dry run and the action after it mean the same failures. */
const firstLook = Date.now();
function sinceOf(hours: string): number | undefined {
  if (hours === "all") return undefined;
  return firstLook - (/^\d+$/.test(hours) ? Number(hours) : DAY) * HOUR;
}

function Kind({
  kind: { task, reason, count, more, firstAt, lastAt, error, runIds },
}: {
  readonly kind: FailureGroup;
}) {
  return (
    <div class="kind">
      <p>
        <span class="bad-text number">
          ✕ {formatCount(count)}
          {more && "+"}
        </span>{" "}
        <strong>
          <Line text={task} />
        </strong>{" "}
        <span class="tag">
          <Line text={reason} />
        </span>
      </p>
      <p class="message">
        <Line text={`${error.name}: ${error.message}`} length={500} />
      </p>
      <p class="quiet">
        first {formatTime(firstAt)}, last {formatTime(lastAt)}; newest:{" "}
        {runIds.map((runId) => (
          <a key={runId} class="sample code" href={to(["runs", runId])}>
            {runId}
          </a>
        ))}
      </p>
    </div>
  );
}

type Jobs = RetriedJobs["jobs"];
/** Sums up the pages of a retry of many jobs. */
interface Sum {
  readonly jobs: Jobs;
  readonly runs: number;
  readonly exact: boolean;
  readonly skipped: RetriedJobs["skipped"];
}
interface RetryKindProps {
  readonly kind: FailureGroup;
  readonly since: number | undefined;
  readonly onClose: () => void;
}
const KEEP = { name: "keep", label: "keep the results of later steps that had consumed what failed" } as const;
function RetryKind({ kind: { task, reason }, since, onClose }: RetryKindProps) {
  const request = (options: readonly string[]): RetryAllOptions => ({
    task,
    reason,
    ...(since !== undefined && { since }),
    ...(options.includes(KEEP.name) && { keepDownstream: true }),
  });
  return (
    <Confirm<Sum>
      title="Retry one kind of failure, in all jobs"
      look={(options) => retryPages({ ...request(options), dryRun: true })}
      say={(sum) => <SaySum sum={sum} task={task} reason={reason} />}
      button={({ jobs, runs, exact }) =>
        jobs.length === 0
          ? undefined
          : `Retry ${exact ? "" : "at least "}${formatCounted(runs, "run")} of ${formatCounted(jobs.length, "job")}`
      }
      act={async (_sum, options) => {
        const { jobs, skipped } = await retryPages({ ...request(options), idempotencyKey: crypto.randomUUID() });
        recordAction({
          what: "Retry",
          about: `${task}, ${reason}`,
          done: jobs.length,
          left: skipped.unfinished + skipped.over + skipped.nothing,
          outcomes: jobs.map(({ jobId, round }) => ({ jobId, ok: true, text: `round ${round} began` })),
        });
        return (
          <p>
            A round has begun in {formatCounted(jobs.length, "job")}. <a href={to(["actions"])}>Look at each</a>
          </p>
        );
      }}
      options={[KEEP]}
      onClose={onClose}
    />
  );
}
async function retryPages(options: RetryAllOptions): Promise<Sum> {
  const jobs = new Map<string, Jobs[number]>();
  const skipped = { unfinished: 0, over: 0, nothing: 0 };
  let runs = 0;
  let cursor: string | undefined;
  do {
    const page: RetriedJobs = await server().retryAll({ ...options, ...(cursor !== undefined && { cursor }) });
    for (const job of page.jobs) jobs.set(job.jobId, job);
    runs += page.runs ?? 0;
    skipped.unfinished += page.skipped.unfinished;
    skipped.over += page.skipped.over;
    skipped.nothing += page.skipped.nothing;
    cursor = page.cursor;
  } while (cursor !== undefined);
  const all = [...jobs.values()];
  return { jobs: all, runs, exact: all.every(({ exact }) => exact !== false), skipped };
}
const LEFT = [
  ["unfinished", "they have not ended"],
  ["over", "they are over: their deadline or last round is reached, or they have expired"],
  ["nothing", "all of it was retried before"],
] as const;
function SaySum({ sum, task, reason }: { readonly sum: Sum; readonly task: string; readonly reason: string }) {
  const { jobs, runs, skipped } = sum;
  return (
    <>
      <p>
        <Line text={task} />: <Line text={reason} />
      </p>
      <p>
        {jobs.length === 0
          ? "There is nothing to retry."
          : `${formatCounted(runs, "failed run")} of ${formatCounted(jobs.length, "job")} would run again, each job in a round of its own.`}
      </p>
      {LEFT.map(
        ([name, why]) =>
          skipped[name] > 0 && (
            <p key={name} class="quiet">
              left: {formatCounted(skipped[name], "job")}, {why}
            </p>
          ),
      )}
    </>
  );
}
