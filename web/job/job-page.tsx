import { hasEnded, type Job } from "../../functions/client/index.ts";
import { useEffect, useState } from "preact/hooks";
import { formatCount, formatCounted, formatDollars, formatDuration, formatExact, formatRate } from "../format.ts";
import { isLive } from "../jobs/job-filter.ts";
import { noteProgress, paceOf } from "../jobs/pace.ts";
import { Fact, Facts } from "../parts/facts.tsx";
import { Copy } from "../parts/buttons.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Payload } from "../parts/payload.tsx";
import { StateBar, StateCounts } from "../parts/state-bar.tsx";
import { Badge, Code, Line } from "../parts/text.tsx";
import { PauseDialog } from "../pauses/pause-button.tsx";
import { type Route, to } from "../route.ts";
import { codeOf, server, useLive } from "../server.ts";
import { endedOf, failedOf, isPaused } from "../states.ts";
import { EventsTab } from "./events-tab.tsx";
import { FailuresTab } from "./failures-tab.tsx";
import { GraphTab } from "./graph-tab.tsx";
import { CancelJob, RetryJob } from "./job-actions.tsx";
import { PlanTab } from "./plan-tab.tsx";
import { ResultsTab } from "./results-tab.tsx";
import { RunsTab } from "./runs-tab.tsx";
import { TimelineTab } from "./timeline-tab.tsx";

const LIVE_MS = 1_000;
/** An ended job changes only when it is retried, perhaps elsewhere. */
const ENDED_MS = 5_000;
const TABS = ["graph", "timeline", "runs", "failures", "results", "events", "plan"] as const;

interface JobPageProps {
  readonly jobId: string;
  readonly tab: string;
  readonly route: Route;
}
export function JobPage({ jobId, tab, route }: JobPageProps) {
  const live = useLive(
    `job ${jobId}`,
    () => server().job(jobId),
    (job) => (isLive(job) ? LIVE_MS : ENDED_MS),
  );
  const job = live.value;
  useEffect(() => {
    if (job) noteProgress(job);
  }, [job]);
  if (job === undefined)
    return codeOf(live.error) === "job_not_found" ? (
      <Empty title="There is no such job, or it has expired.">
        <a href={to(["jobs"])}>to the jobs</a>
      </Empty>
    ) : (
      <>
        <Problem error={live.error} />
        {!live.error && <Loading what="the job" />}
      </>
    );
  return (
    <>
      <Head job={job} reload={live.reload} />
      <nav class="tabs" aria-label="parts of the job">
        {TABS.map((name) => (
          <a key={name} href={to(["jobs", jobId, name])} aria-current={name === tab ? "page" : undefined}>
            {name}
            {name === "failures" && failedOf(job) > 0 && <span class="bad-text"> {formatCount(failedOf(job))}</span>}
          </a>
        ))}
      </nav>
      <Tab name={tab} job={job} route={route} reload={live.reload} />
    </>
  );
}

interface TabProps {
  readonly name: string;
  readonly job: Job;
  readonly route: Route;
  readonly reload: () => void;
}
function Tab({ name, job, route, reload }: TabProps) {
  switch (name) {
    case "timeline":
      return <TimelineTab job={job} />;
    case "plan":
      return <PlanTab job={job} />;
    case "runs":
      return <RunsTab job={job} route={route} />;
    case "failures":
      return <FailuresTab job={job} reload={reload} />;
    case "results":
      return <ResultsTab job={job} />;
    case "events":
      return <EventsTab job={job} />;
    default:
      return <GraphTab job={job} route={route} />;
  }
}

function Head({ job, reload }: { readonly job: Job; readonly reload: () => void }) {
  const [asked, setAsked] = useState<"retry" | "cancel" | "pause">();
  const close = (): void => {
    setAsked(undefined);
    reload();
  };
  return (
    <>
      <p class="path">
        <a href={to(["jobs"])}>Jobs</a> ›
      </p>
      <div class="title">
        <Badge state={job.state} />
        <h1>{job.workflow === undefined ? "canvas" : <Line text={job.workflow} />}</h1>
        <span class="id">
          <Code text={job.jobId} />
          <Copy text={job.jobId} what="the id" />
        </span>
        <span class="grow" />
        {hasEnded(job) && failedOf(job) > 0 && (
          <button type="button" class="primary" onClick={() => setAsked("retry")}>
            Retry what failed …
          </button>
        )}
        {!hasEnded(job) && (
          <button type="button" onClick={() => setAsked("pause")}>
            {isPaused(job.state) ? "Resume …" : "Pause …"}
          </button>
        )}
        {!hasEnded(job) && (
          <button type="button" onClick={() => setAsked("cancel")}>
            Cancel …
          </button>
        )}
      </div>
      <div class="progress">
        <StateBar counts={job.counts} total={job.planned} />
        <StateCounts counts={job.counts} />
      </div>
      <JobFacts job={job} />
      {job.error && (
        <p class="problem">
          <Line text={`${job.error.name}: ${job.error.message}`} length={2_000} />{" "}
          {job.error.runId !== "" && <a href={to(["runs", job.error.runId])}>first failed run</a>}
        </p>
      )}
      {job.parameters && Object.keys(job.parameters).length > 0 && (
        <details>
          <summary>fields</summary>
          <Payload value={job.parameters} name="fields" />
        </details>
      )}
      {asked === "retry" && <RetryJob job={job} onClose={close} />}
      {asked === "pause" && (
        <PauseDialog target={{ kind: "job", name: job.jobId }} resumes={isPaused(job.state)} onClose={close} />
      )}
      {asked === "cancel" && <CancelJob job={job} onClose={close} />}
    </>
  );
}

function JobFacts({ job }: { readonly job: Job }) {
  const pace = isLive(job) ? paceOf(job) : undefined;
  const price = job.cost?.computed.price;
  const own = Object.entries(job.counts).filter(([name]) => name.startsWith("u_"));
  return (
    <Facts>
      <Fact name="ended">
        {`${formatCount(endedOf(job))} of ${formatCounted(job.planned, "run")}`}
        {!job.countsExact && <span class="quiet"> so far</span>}
      </Fact>
      <Fact name="started">{formatExact(job.createdAt)}</Fact>
      <Fact name={job.endedAt === undefined ? "runs for" : "took"}>
        {formatDuration(Math.max(0, (job.endedAt ?? Date.now()) - job.createdAt))}
      </Fact>
      {pace && <Fact name="rate">{formatRate(pace.perSecond)}</Fact>}
      {pace?.left !== undefined && <Fact name="left, at this rate">{formatDuration(pace.left)}</Fact>}
      {!hasEnded(job) && <Fact name="deadline">{formatExact(job.deadlineAt)}</Fact>}
      {job.round > 0 && <Fact name="round">{formatCount(job.round)}</Fact>}
      {price && (
        <Fact name="price on AWS">
          <span title={`${price.region}, list prices of ${price.date}, without the time that tasks take`}>
            {formatDollars(price.total)}
          </span>
        </Fact>
      )}
      {Object.entries(job.items ?? {})
        .filter(([, count]) => count > 0)
        .map(([state, count]) => (
          <Fact key={state} name={`items ${state}`}>
            {formatCount(count)}
          </Fact>
        ))}
      {own.map(([name, count]) => (
        <Fact key={name} name={name.slice(2)}>
          {formatCount(count)}
        </Fact>
      ))}
    </Facts>
  );
}
