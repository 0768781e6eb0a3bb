import { useEffect, useState } from "preact/hooks";
import type { Schedule } from "../../functions/client/index.ts";
import { formatCount, formatDistance, formatTime } from "../format.ts";
import { Filter } from "../parts/filter.tsx";
import { Command } from "../parts/buttons.tsx";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { useNow } from "../parts/now.ts";
import { usePages } from "../parts/pages.ts";
import { Badge, Code, Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { server, useLive } from "../server.ts";
import { type Asked, ScheduleAction } from "./schedule-action.tsx";
import { whenText } from "./when.ts";

const EVERY_MS = 3_000;

/** What starts jobs by the clock: when it fires next, and what became of the last time. */
export function SchedulesPage({ route }: { readonly route: Route }) {
  const q = route.query.get("q") ?? "";
  const state = route.query.get("state") ?? "";
  const load = (cursor?: string) => server().schedules(cursor === undefined ? {} : { cursor });
  const schedules = usePages<Schedule>("schedules", load, ({ name }) => name);
  const newer = useLive(
    "schedules",
    () => load(),
    () => EVERY_MS,
  );
  useEffect(() => {
    if (newer.value && !schedules.empty) schedules.update(newer.value.items, true);
  }, [newer.value, schedules.empty]);
  useNow();
  const [asked, setAsked] = useState<{ readonly what: Asked; readonly name: string }>();
  const shown = schedules.items.filter(
    (each) =>
      (state === "" || each.state === state) &&
      `${each.name}\n${each.workflow ?? ""}`.toLowerCase().includes(q.toLowerCase()),
  );
  const read = !schedules.empty && !schedules.reading && !schedules.more;
  return (
    <>
      <div class="title">
        <h1>Schedules</h1>
      </div>
      <Filter label="name or workflow" text={q} onText={(text) => setQuery(route, { q: text })}>
        <select
          aria-label="state"
          value={state}
          onChange={(event) => setQuery(route, { state: event.currentTarget.value })}
        >
          <option value="">any state</option>
          {["active", "paused", "ended"].map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </Filter>
      <Problem error={schedules.error ?? newer.error} />
      {shown.length > 0 && (
        <List
          label="Schedules"
          tall
          items={shown}
          columns={[...COLUMNS, action((what, name) => setAsked({ what, name }))]}
          keyOf={({ name }) => name}
          hrefOf={({ name }) => to(["schedules", name])}
          more={schedules.more}
        />
      )}
      {schedules.reading && <Loading what="schedules" />}
      {read && schedules.items.length > 0 && shown.length === 0 && (
        <Empty title="No schedule matches.">
          <a href={to(["schedules"])}>show all schedules</a>
        </Empty>
      )}
      {read && schedules.items.length === 0 && (
        <Empty title="There is no schedule.">
          <p>Put one from a terminal:</p>
          <Command text='npm run fanfold -- schedules put nightly example.sum-of-sums -f n=100 --cron "30 2 * * *"' />
        </Empty>
      )}
      {asked && (
        <ScheduleAction
          asked={asked.what}
          name={asked.name}
          onClose={() => {
            setAsked(undefined);
            newer.reload();
          }}
        />
      )}
    </>
  );
}

const COLUMNS: readonly Column<Schedule>[] = [
  { title: "State", width: "7rem", cell: ({ state, error }) => <Badge state={error ? "failed" : state} /> },
  {
    title: "Schedule",
    width: "minmax(11rem, 1.2fr)",
    narrow: true,
    cell: ({ name, workflow, error }) => (
      <span class="stack">
        <Line text={name} />
        <Line text={error ? `${error.code}: ${error.message}` : (workflow ?? "canvas")} length={200} />
      </span>
    ),
  },
  { title: "When", width: "minmax(6rem, 1fr)", cell: (schedule) => <Line text={whenText(schedule)} /> },
  {
    title: "Next",
    width: "minmax(6rem, 11.5rem)",
    right: true,
    narrow: true,
    cell: ({ nextAt, state }) =>
      nextAt === undefined || state === "paused" ? (
        "–"
      ) : (
        <span class="stack">
          <span>{formatTime(nextAt)}</span>
          <span>{formatDistance(nextAt)}</span>
        </span>
      ),
  },
  { title: "Last job", width: "minmax(6rem, 11.5rem)", right: true, cell: (schedule) => <Last schedule={schedule} /> },
  { title: "Overlap", width: "4.5rem", cell: ({ overlap = "skip" }) => overlap },
];
/** The nominal time that fired last, and a job that was started, by it or by hand. */
function Last({ schedule: { lastAt, jobs } }: { readonly schedule: Schedule }) {
  const [job] = jobs;
  return (
    <span class="stack">
      <span>{lastAt === undefined ? "–" : formatTime(lastAt)}</span>
      {job && (
        <span>
          <a class="over" href={to(["jobs", job.jobId])}>
            <Code text={`${job.jobId.slice(0, 10)}…`} />
          </a>
          {jobs.length > 1 && ` +${formatCount(jobs.length - 1)}`}
        </span>
      )}
    </span>
  );
}
const action = (ask: (what: Asked, name: string) => void): Column<Schedule> => ({
  title: "Do",
  width: "11.5rem",
  narrow: true,
  cell: ({ name, state }) => (
    <span class="over">
      <button type="button" class="small" aria-label={`fire ${name}`} onClick={() => ask("fire", name)}>
        Fire …
      </button>
      {state !== "ended" && (
        <button
          type="button"
          class="small"
          aria-label={`${state === "paused" ? "resume" : "pause"} ${name}`}
          onClick={() => ask(state === "paused" ? "resume" : "pause", name)}
        >
          {state === "paused" ? "Resume …" : "Pause …"}
        </button>
      )}
    </span>
  ),
});
