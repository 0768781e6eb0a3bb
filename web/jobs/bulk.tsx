import { useState } from "preact/hooks";
import { hasEnded, type Job } from "../../functions/client/index.ts";
import { type Outcome, recordAction } from "../actions/action-log.ts";
import { formatCounted } from "../format.ts";
import { reasonOf } from "../job/job-actions.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { to } from "../route.ts";
import { server } from "../server.ts";
import { failedOf, isFailure, isPaused } from "../states.ts";
import { allJobs, type JobFilter } from "./job-filter.ts";

/** Jobs that one action takes at most, and calls at once. */
const MOST_JOBS = 5_000;
const AT_ONCE = 4;

type Kind = "retry" | "cancel" | "pause" | "resume";
const VERBS: Readonly<Record<Kind, string>> = { retry: "Retry", cancel: "Cancel", pause: "Pause", resume: "Resume" };
/** Acts on all jobs of the filter, not only on those that are shown. */
export function BulkActions({ filter, onDone }: { readonly filter: JobFilter; readonly onDone: () => void }) {
  const [asked, setAsked] = useState<Kind>();
  const close = (): void => {
    setAsked(undefined);
    onDone();
  };
  return (
    <span class="tools">
      {(Object.keys(VERBS) as Kind[]).map((kind) => (
        <button key={kind} type="button" class="small" onClick={() => setAsked(kind)}>
          {VERBS[kind]} all of these …
        </button>
      ))}
      {asked && <BulkDialog kind={asked} filter={filter} onClose={close} />}
    </span>
  );
}

/** What an action on many would do. */
interface Would {
  readonly jobs: readonly { readonly jobId: string; readonly runs: number }[];
  readonly runs: number;
  /** Numbers of jobs that are left, by reason. */
  readonly left: Readonly<Record<string, number>>;
  /** The filter has more jobs than one action takes. */
  readonly more: boolean;
}
interface BulkDialogProps {
  readonly kind: Kind;
  readonly filter: JobFilter;
  readonly onClose: () => void;
}
function BulkDialog({ kind, filter, onClose }: BulkDialogProps) {
  const verb = VERBS[kind];
  return (
    <Confirm<Would>
      title={`${verb} all jobs of the filter`}
      danger={kind === "cancel"}
      look={() => look(kind, filter)}
      say={(would) => <Say would={would} kind={kind} about={sayFilter(filter)} />}
      button={({ jobs, runs }) => {
        if (jobs.length === 0) return undefined;
        const of = formatCounted(jobs.length, "job");
        return kind === "retry" ? `Retry ${formatCounted(runs, "run")} of ${of}` : `${verb} ${of}`;
      }}
      act={async ({ jobs }) => {
        const outcomes = await act(kind, jobs);
        const done = outcomes.filter(({ ok }) => ok).length;
        recordAction({ what: verb, about: sayFilter(filter), done, left: outcomes.length - done, outcomes });
        return (
          <p>
            {formatCounted(done, "job")} done, {formatCounted(outcomes.length - done, "job")} left.{" "}
            <a href={to(["actions"])}>Look at each</a>
          </p>
        );
      }}
      onClose={onClose}
    />
  );
}
const WOULD: Readonly<Record<Exclude<Kind, "retry">, string>> = {
  cancel: "be cancelled. What has ended in them stays.",
  pause: "be paused. What runs goes on to its end, and deadlines run on.",
  resume: "go on: what waits in them starts again.",
};
function Say({ would, kind, about }: { readonly would: Would; readonly kind: Kind; readonly about: string }) {
  const { jobs, runs, left, more } = would;
  return (
    <>
      <p>
        Filter: <bdi>{about}</bdi>
      </p>
      <p>
        {jobs.length === 0
          ? `There is nothing to ${kind} in it.`
          : kind === "retry"
            ? `${formatCounted(runs, "failed run")} of ${formatCounted(jobs.length, "job")} would run again.`
            : `${formatCounted(jobs.length, "job")} would ${WOULD[kind]}`}
      </p>
      {Object.entries(left).map(([reason, count]) => (
        <p key={reason} class="quiet">
          left: {formatCounted(count, "job")}, {reason}
        </p>
      ))}
      {more && <p class="quiet">Only the newest {formatCounted(MOST_JOBS, "job")} are looked at; do it again after.</p>}
    </>
  );
}

async function look(kind: Kind, filter: JobFilter): Promise<Would> {
  const found: Job[] = [];
  let more = false;
  for await (const page of allJobs(filter)) {
    found.push(...page);
    more = found.length > MOST_JOBS;
    if (more) break;
  }
  const left: Record<string, number> = {};
  const leave = (reason: string): void => void (left[reason] = (left[reason] ?? 0) + 1);
  const jobs: Would["jobs"][number][] = [];
  await each(found.slice(0, MOST_JOBS), async (job) => {
    if (kind !== "retry") {
      if (hasEnded(job)) leave("they have ended");
      else if (kind === "pause" && isPaused(job.state)) leave("they are paused");
      else if (kind === "resume" && !isPaused(job.state)) leave("they are not paused");
      else jobs.push({ jobId: job.jobId, runs: 0 });
    } else if (!hasEnded(job)) leave("they have not ended");
    else if (failedOf(job) === 0 && !isFailure(job.state)) leave("nothing in them failed");
    else
      await server()
        .previewRetry(job.jobId)
        .then(
          ({ runs }) => jobs.push({ jobId: job.jobId, runs }),
          (error: unknown) => leave(reasonOf(error)),
        );
  });
  return { jobs, runs: jobs.reduce((sum, { runs }) => sum + runs, 0), left, more };
}
async function act(kind: Kind, jobs: Would["jobs"]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  // A key for each job: a call that is repeated begins no second round.
  const key = crypto.randomUUID();
  await each(jobs, async ({ jobId }) => {
    try {
      if (kind === "retry") {
        const { round } = await server().retry(jobId, { idempotencyKey: `${key} ${jobId}` });
        outcomes.push({ jobId, ok: true, text: `round ${round} began` });
      } else if (kind === "pause") {
        const { state } = await server().pause({ kind: "job", name: jobId });
        outcomes.push({ jobId, ok: true, text: state });
      } else if (kind === "resume") {
        const ok = await server().resume({ kind: "job", name: jobId });
        outcomes.push({ jobId, ok, text: ok ? "goes on" : "was not paused" });
      } else {
        const ok = await server().cancel(jobId);
        outcomes.push({ jobId, ok, text: ok ? "cancelled" : "had ended already" });
      }
    } catch (error) {
      outcomes.push({ jobId, ok: false, text: reasonOf(error) });
    }
  });
  return outcomes;
}
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function sayFilter(filter: JobFilter): string {
  const parts = Object.entries(filter).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return (
    parts.map(([name, text]) => (name === "wrong" ? "only what is wrong" : `${name} ${text}`)).join(", ") || "all jobs"
  );
}
