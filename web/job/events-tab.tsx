import type { Job, JobEvent } from "../../functions/client/index.ts";
import { formatCount, formatExact } from "../format.ts";
import { Loading } from "../parts/notes.tsx";
import { Badge, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { MOST_EVENTS, useEvents } from "./events.ts";
import { type Column, List } from "../parts/list.tsx";

/** State changes and failures, the newest first. */
export function EventsTab({ job }: { readonly job: Job }) {
  const { events, read, more } = useEvents(job);
  if (!read) return <Loading what="events" />;
  const newest = events.map((event, at) => ({ ...event, number: at })).toReversed();
  return (
    <>
      {more && <p class="quiet">These are the first {formatCount(MOST_EVENTS)} events. There are more.</p>}
      <List
        label="Events"
        items={newest}
        columns={COLUMNS}
        keyOf={({ number }) => String(number)}
        hrefOf={({ runId }) => (runId === undefined ? to(["jobs", job.jobId, "events"]) : to(["runs", runId]))}
      />
    </>
  );
}
const COLUMNS: readonly Column<JobEvent & { readonly number: number }>[] = [
  { title: "Time", width: "13rem", cell: ({ at }) => formatExact(at) },
  {
    title: "What",
    width: "9rem",
    narrow: true,
    cell: ({ kind, state, round }) =>
      kind === "state" ? (
        <Badge state={state ?? ""} />
      ) : kind === "retried" ? (
        `round ${round} began`
      ) : (
        <Badge state="error" />
      ),
  },
  {
    title: "Task and error",
    width: "1fr",
    narrow: true,
    cell: ({ task, error }) =>
      error ? <Line text={`${task ?? "step"}: ${error.name}: ${error.message}`} length={300} /> : null,
  },
];
