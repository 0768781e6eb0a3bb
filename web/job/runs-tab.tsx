import { useEffect } from "preact/hooks";
import type { Job, Run, RunStatus } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatTime } from "../format.ts";
import { isLive } from "../jobs/job-filter.ts";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { type Pages, usePages } from "../parts/pages.ts";
import { Badge, Code, Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { server, useLive } from "../server.ts";
import { isEnd, RUN_STATES } from "../states.ts";

const PAGE = 100;
const LIVE_MS = 2_000;

export function RunsTab({ job, route }: { readonly job: Job; readonly route: Route }) {
  const status = route.query.get("status") ?? "";
  const group = route.query.get("group") ?? "";
  const { runs, problem } = useRuns(job, { status, group });
  return (
    <>
      <form class="filter" onSubmit={(event) => event.preventDefault()}>
        <select
          aria-label="state of runs"
          value={status}
          onChange={(event) => setQuery(route, { status: event.currentTarget.value })}
        >
          <option value="">any state</option>
          {RUN_STATES.map((state) => (
            <option key={state} value={state}>
              {state}
            </option>
          ))}
        </select>
        <input
          type="search"
          aria-label="group"
          placeholder="id of a group"
          value={group}
          onChange={(event) => setQuery(route, { group: event.currentTarget.value.trim() })}
        />
      </form>
      <Problem error={problem} />
      <RunList runs={runs} label="Runs" />
    </>
  );
}

interface RunsFilter {
  readonly status?: string;
  readonly group?: string;
}
/** Reads the runs of a job page by page, and keeps the first page up to date. */
export function useRuns(job: Job, { status = "", group = "" }: RunsFilter) {
  const key = `${job.jobId} ${job.round} ${status} ${group}`;
  const load = (cursor?: string) =>
    server().runs(job.jobId, {
      limit: PAGE,
      ...(cursor !== undefined && { cursor }),
      ...(status !== "" && { status: status as RunStatus }),
      ...(group !== "" && { group }),
    });
  const runs = usePages<Run>(key, load, keyOfRun);
  const newer = useLive(
    `runs ${key} ${isLive(job)}`,
    () => load(),
    () => (isLive(job) ? LIVE_MS : undefined),
  );
  useEffect(() => {
    if (newer.value && !runs.empty) runs.update(newer.value.items, runs.more === undefined && !runs.reading);
  }, [newer.value, runs.empty]);
  return { runs, problem: runs.error ?? newer.error };
}
const keyOfRun = ({ runId }: Run): string => runId;

export function RunList({ runs, label }: { readonly runs: Pages<Run>; readonly label: string }) {
  return (
    <>
      {runs.items.length > 0 && (
        <List
          label={label}
          items={runs.items}
          columns={COLUMNS}
          keyOf={keyOfRun}
          hrefOf={({ runId }) => to(["runs", runId])}
          more={runs.more}
        />
      )}
      {runs.reading && <Loading what="runs" />}
      {!runs.empty && !runs.reading && runs.items.length === 0 && (
        <Empty title="No run has a row here.">
          <p>Members that have not begun, and members of a group that tracks only its ledger, have none.</p>
        </Empty>
      )}
    </>
  );
}

/** What the engine's own runs do, which have no task. */
export function nameOf({ task, wait, childGroup }: Pick<Run, "task" | "wait" | "childGroup">): string {
  if (task !== undefined) return task;
  return wait ? `${wait.of} ${wait.name}` : childGroup === undefined ? "step" : "group";
}
const COLUMNS: readonly Column<Run>[] = [
  { title: "State", width: "7.5rem", cell: ({ status }) => <Badge state={status} /> },
  {
    title: "Run",
    width: "minmax(12rem, 1fr)",
    narrow: true,
    cell: (run) => (
      <span class="stack">
        <Line text={nameOf(run)} />
        <Code text={run.runId} />
      </span>
    ),
  },
  {
    title: "Value or error",
    width: "minmax(10rem, 1.4fr)",
    cell: ({ error, value, unmet, wait, status }) => {
      if (error) return <Line text={`${error.name}: ${error.message}`} length={200} />;
      if (unmet) return <Line text={`waits for ${unmet.map(({ name }) => name).join(", ")}`} />;
      if (wait && !isEnd(status)) return <Line text={`waits for ${wait.of} ${wait.name}`} />;
      return value === undefined ? null : <Line text={JSON.stringify(value)} length={120} />;
    },
  },
  { title: "Attempt", width: "5rem", right: true, cell: ({ attempt }) => formatCount(attempt) },
  { title: "Took", width: "6rem", right: true, narrow: true, cell: (run) => tookOf(run) },
  {
    title: "Started",
    width: "10.5rem",
    right: true,
    narrow: true,
    cell: ({ startedAt }) => (startedAt === undefined ? "" : formatTime(startedAt)),
  },
];
function tookOf({ startedAt, endedAt, status }: Run): string {
  if (startedAt === undefined) return "";
  if (endedAt === undefined && status !== "started") return "";
  return formatDuration(Math.max(0, (endedAt ?? Date.now()) - startedAt));
}
