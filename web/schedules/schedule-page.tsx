import { useState } from "preact/hooks";
import type { Json, Schedule } from "../../functions/client/index.ts";
import { formatCounted, formatDistance, formatExact, visible } from "../format.ts";
import { JobOf } from "./job-of.tsx";
import { Facts } from "../parts/facts.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { useNow } from "../parts/now.ts";
import { Payload } from "../parts/payload.tsx";
import { Badge, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { codeOf, server, useLive } from "../server.ts";
import { type Asked, ScheduleAction } from "./schedule-action.tsx";
import { whenText } from "./when.ts";

const EVERY_MS = 2_000;

export function SchedulePage({ name }: { readonly name: string }) {
  const live = useLive(
    `schedule ${name}`,
    () => server().schedule(name),
    () => EVERY_MS,
  );
  const [asked, setAsked] = useState<Asked>();
  useNow();
  const schedule = live.value;
  const missing = codeOf(live.error) === "schedule_not_found";
  return (
    <>
      <p class="path">
        <a href={to(["schedules"])}>Schedules</a> ›
      </p>
      {missing ? (
        <Empty title="There is no such schedule.">
          <a href={to(["schedules"])}>to the schedules</a>
        </Empty>
      ) : (
        <Problem error={live.error} />
      )}
      {!schedule && !live.error && <Loading what="the schedule" />}
      {schedule && !missing && (
        <>
          <div class="title">
            <Badge state={schedule.state} />
            <h1>
              <Line text={schedule.name} />
            </h1>
          </div>
          <Buttons schedule={schedule} ask={setAsked} />
          {schedule.error && (
            <p class="problem">
              The last firing could not start a job, {formatExact(schedule.error.at)}:{" "}
              <bdi>{visible(schedule.error.message)}</bdi> <code>{schedule.error.code}</code>
            </p>
          )}
          <ScheduleFacts schedule={schedule} />
          <div class="panes">
            <Times schedule={schedule} />
            <Jobs schedule={schedule} />
            <Work schedule={schedule} />
          </div>
        </>
      )}
      {asked && schedule && (
        <ScheduleAction
          asked={asked}
          name={schedule.name}
          onClose={() => {
            setAsked(undefined);
            live.reload();
          }}
        />
      )}
    </>
  );
}

function Buttons({ schedule, ask }: { readonly schedule: Schedule; readonly ask: (what: Asked) => void }) {
  return (
    <div class="actions">
      <button type="button" class="primary" onClick={() => ask("fire")}>
        Fire now …
      </button>
      {schedule.state === "active" && (
        <button type="button" onClick={() => ask("pause")}>
          Pause …
        </button>
      )}
      {schedule.state === "paused" && (
        <button type="button" onClick={() => ask("resume")}>
          Resume …
        </button>
      )}
      {schedule.origin === "api" ? (
        <button type="button" onClick={() => ask("delete")}>
          Delete …
        </button>
      ) : (
        <span class="quiet">from fanfold.config.ts, where it is changed and removed</span>
      )}
    </div>
  );
}

function ScheduleFacts({ schedule }: { readonly schedule: Schedule }) {
  const { overlap = "skip", catchUp = "one", nextAt, lastAt, skipped, createdAt, state, forEach, timeField } = schedule;
  const rows: [string, string | undefined][] = [
    ["fires", whenText(schedule)],
    ["next", nextAt === undefined || state === "paused" ? "–" : `${formatExact(nextAt)}, ${formatDistance(nextAt)}`],
    ["last", lastAt === undefined ? "never" : formatExact(lastAt)],
    ["while the job before runs", overlap],
    ["for missed times", catchUp],
    ["left out", formatCounted(skipped, "time")],
    [
      "a job for each",
      forEach && ("sites" in forEach ? `site, as ${forEach.field}` : `of ${forEach.values.join(", ")}`),
    ],
    ["time given as", timeField],
    ["put", formatExact(createdAt)],
  ];
  return <Facts rows={rows} />;
}
function Times({ schedule: { upcoming = [], state } }: { readonly schedule: Schedule }) {
  return (
    <section class="pane">
      <h2>Next times</h2>
      {state === "paused" && <p>It is paused: times that come do not fire.</p>}
      {upcoming.length === 0 && <p class="quiet">There is none.</p>}
      <ul class="around">
        {upcoming.map((at) => (
          <li key={at}>
            {formatExact(at).slice(0, 19)} <span class="quiet">{formatDistance(at)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
function Jobs({ schedule: { jobs, queued } }: { readonly schedule: Schedule }) {
  return (
    <section class="pane">
      <h2>Last jobs</h2>
      {jobs.length === 0 && <p class="quiet">It has started none.</p>}
      <ul class="around">
        {jobs.map((job) => (
          <JobOf key={job.jobId} {...job} />
        ))}
        {queued.map(({ at, element }) => (
          <li key={`${at} ${element}`}>
            {formatExact(at)} {element !== undefined && <Line text={`for ${element}`} />} waits for the job before
          </li>
        ))}
      </ul>
    </section>
  );
}
function Work({ schedule: { workflow, fields, canvas } }: { readonly schedule: Schedule }) {
  return (
    <section class="pane">
      <h2>What it starts</h2>
      {workflow !== undefined && (
        <p>
          workflow <Line text={workflow} /> <a href={to(["jobs"], { workflow })}>its jobs</a>
        </p>
      )}
      <Payload value={(canvas ?? fields ?? {}) as Json} name={canvas === undefined ? "fields" : "canvas"} />
    </section>
  );
}
