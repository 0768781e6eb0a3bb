import { useEffect, useState } from "preact/hooks";
import type { Job } from "../../functions/client/index.ts";
import { formatCount, formatCounted, formatDuration, formatRate, formatTime } from "../format.ts";
import { Command } from "../parts/buttons.tsx";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { usePages } from "../parts/pages.ts";
import { StateBar } from "../parts/state-bar.tsx";
import { Badge, Code, Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { useLive } from "../server.ts";
import { endedOf, failedOf } from "../states.ts";
import { BulkActions } from "./bulk.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { filterOf, findJobs, isFiltered, isLive, type JobFilter } from "./job-filter.ts";
import { noteProgress, paceOf } from "./pace.ts";

/** Milliseconds between looks at the list: while something runs, and else. */
const BUSY_MS = 1_500;
const IDLE_MS = 4_000;

export function JobsPage({ route }: { readonly route: Route }) {
  const filter = filterOf(route.query);
  const key = JSON.stringify(filter);
  const jobs = usePages<Job>(key, (cursor) => findJobs(filter, cursor), keyOfJob);
  const newer = useLive(`newest ${key}`, () => findJobs(filter, undefined), refreshOf);
  const [waiting, setWaiting] = useState(0);
  useEffect(() => {
    if (!newer.value || jobs.empty) return;
    for (const job of newer.value.items) noteProgress(job);
    setWaiting(jobs.update(newer.value.items, mayMove()));
  }, [newer.value, jobs.empty]);
  return (
    <>
      <div class="title">
        <h1>Jobs</h1>
        {jobs.items.length > 0 && (
          <span class="quiet">
            {formatCounted(jobs.items.length, "job")}
            {jobs.more || jobs.reading ? " read so far" : ""}
          </span>
        )}
      </div>
      <FilterBar filter={filter} set={(changes) => setQuery(route, { ...changes })} />
      {jobs.items.length > 0 && <BulkActions filter={filter} onDone={jobs.reload} />}
      <Problem error={jobs.error ?? newer.error} />
      {waiting > 0 && (
        <button type="button" class="new" onClick={() => jobs.reload()}>
          {formatCounted(waiting, "new job")}: show
        </button>
      )}
      {jobs.items.length > 0 && (
        <List
          label="Jobs"
          items={jobs.items}
          columns={COLUMNS}
          keyOf={keyOfJob}
          hrefOf={({ jobId }) => to(["jobs", jobId])}
          more={jobs.more}
        />
      )}
      {jobs.reading && <Loading what="jobs" />}
      {!jobs.empty && !jobs.reading && jobs.items.length === 0 && !jobs.more && <NoJobs filter={filter} />}
      {jobs.more && (
        <p>
          <button type="button" onClick={jobs.more}>
            look further
          </button>
        </p>
      )}
    </>
  );
}
const keyOfJob = ({ jobId }: Job): string => jobId;
const refreshOf = ({ items }: { readonly items: readonly Job[] }): number => (items.some(isLive) ? BUSY_MS : IDLE_MS);
/** Rows may move only while nobody reads further down, or is on one of them. */
function mayMove(): boolean {
  return scrollY < 40 && document.querySelector(".list:hover, .list :focus") === null;
}

const COLUMNS: readonly Column<Job>[] = [
  { title: "State", width: "7.5rem", cell: ({ state }) => <Badge state={state} /> },
  {
    title: "Job",
    width: "minmax(12rem, 1.4fr)",
    narrow: true,
    cell: ({ workflow, jobId, error }) => (
      <span class="stack">
        {workflow === undefined ? <span class="quiet">canvas</span> : <Line text={workflow} />}
        {error ? <Line text={`${error.name}: ${error.message}`} length={200} /> : <Code text={jobId} />}
      </span>
    ),
  },
  {
    title: "Progress",
    width: "minmax(8rem, 1fr)",
    cell: (job) => <StateBar counts={job.counts} total={job.planned} />,
  },
  {
    title: "Ended",
    width: "9rem",
    right: true,
    cell: (job) => `${formatCount(endedOf(job))} of ${formatCount(job.planned)}`,
  },
  {
    title: "Failed",
    width: "5.5rem",
    right: true,
    narrow: true,
    cell: (job) => (failedOf(job) > 0 ? <span class="bad-text">✕ {formatCount(failedOf(job))}</span> : "0"),
  },
  {
    title: "Rate, left",
    width: "9rem",
    right: true,
    cell: (job) => {
      const pace = isLive(job) ? paceOf(job) : undefined;
      if (pace === undefined) return "";
      return `${formatRate(pace.perSecond)}${pace.left === undefined ? "" : `, ${formatDuration(pace.left)}`}`;
    },
  },
  {
    title: "Took",
    width: "6rem",
    right: true,
    narrow: true,
    cell: ({ createdAt, endedAt }) => formatDuration(Math.max(0, (endedAt ?? Date.now()) - createdAt)),
  },
  { title: "Started", width: "10.5rem", right: true, narrow: true, cell: ({ createdAt }) => formatTime(createdAt) },
];

function NoJobs({ filter }: { readonly filter: JobFilter }) {
  if (isFiltered(filter))
    return (
      <Empty title="No job matches.">
        <a href={to(["jobs"])}>show all jobs</a>
      </Empty>
    );
  return (
    <Empty title="There is no job yet.">
      <p>Start one from a terminal:</p>
      <Command text="npm run fanfold -- submit example.sum-of-sums -f n=100" />
    </Empty>
  );
}
