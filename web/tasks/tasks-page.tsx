import { useState } from "preact/hooks";
import type { Pause, TaskFigures, TaskStatistics } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatRate, formatTime } from "../format.ts";
import { Filter } from "../parts/filter.tsx";
import { Command } from "../parts/buttons.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Table } from "../parts/table.tsx";
import { Badge, Code } from "../parts/text.tsx";
import { PauseButton } from "../pauses/pause-button.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { server, useLive } from "../server.ts";

const EVERY_MS = 5_000;
const PAGE = 100;
const AT_FIRST = 300;
const SPANS = [
  ["", "all time"],
  ["recent", "last 5 minutes"],
] as const;
const COLUMNS = [
  "Task",
  "State",
  "success",
  "skipped",
  "error",
  "broken",
  "cancelled",
  "tried again",
  "Rate",
  "Mean",
  "Well",
];

/** The matrix: what each task has done, by state, with its speed and the share that ended well. */
export function TasksPage({ route }: { readonly route: Route }) {
  const q = route.query.get("q") ?? "";
  const span = route.query.get("span") === "recent" ? "recent" : "life";
  const [most, setMost] = useState(AT_FIRST);
  const live = useLive(
    `tasks ${most}`,
    () => readTasks(most),
    () => EVERY_MS,
  );
  const found = live.value;
  const shown = found?.tasks.filter(({ task }) => task.toLowerCase().includes(q.toLowerCase())) ?? [];
  return (
    <>
      <div class="title">
        <h1>Tasks</h1>
        <span class="quiet">approximate; cancelled runs are no failures</span>
      </div>
      <Filter label="part of a name" text={q} onText={(text) => setQuery(route, { q: text })}>
        <select
          aria-label="time"
          value={span === "recent" ? span : ""}
          onChange={(event) => setQuery(route, { span: event.currentTarget.value })}
        >
          {SPANS.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </Filter>
      <Problem error={live.error} />
      {!found && !live.error && <Loading what="tasks" />}
      {shown.length > 0 && (
        <Table
          label="tasks"
          columns={[...COLUMNS, "Do"]}
          left={[1, COLUMNS.length]}
          rows={shown}
          keyOf={({ task }) => task}
          cells={(task) => cells(task, task[span], found?.pauses ?? [], live.reload)}
        />
      )}
      {unseen(found).map(({ name }) => (
        <p key={name}>
          <Badge state="paused" /> <Code text={name} />, of which no run has ended yet.{" "}
          <PauseButton target={{ kind: "task", name }} paused onDone={live.reload} />
        </p>
      ))}
      {found?.more && (
        <p>
          <button type="button" onClick={() => setMost(most * 4)}>
            look further
          </button>
        </p>
      )}
      {found && found.tasks.length > 0 && shown.length === 0 && !found.more && (
        <Empty title="No task matches.">
          <a href={to(["tasks"])}>show all tasks</a>
        </Empty>
      )}
      {found?.tasks.length === 0 && !found.more && (
        <Empty title="No run has ended yet.">
          <p>Start some from a terminal:</p>
          <Command text="npm run fanfold -- submit example.sum-of-sums -f n=100" />
        </Empty>
      )}
    </>
  );
}
interface Found {
  readonly tasks: readonly TaskStatistics[];
  readonly pauses: readonly Pause[];
  readonly more: boolean;
}
async function readTasks(most: number): Promise<Found> {
  const tasks: TaskStatistics[] = [];
  let cursor: string | undefined;
  let read = 0;
  do {
    const page = await server().statistics({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    tasks.push(...page.items);
    read += PAGE;
    cursor = page.cursor;
  } while (cursor !== undefined && read < most);
  return { tasks, pauses: await server().pauses(), more: cursor !== undefined };
}

/** Paused tasks that no statistics know yet. */
function unseen(found: Found | undefined): readonly Pause[] {
  if (!found || found.more) return [];
  return found.pauses.filter(({ kind, name }) => kind === "task" && !found.tasks.some(({ task }) => task === name));
}
function cells({ task }: TaskStatistics, figures: TaskFigures, pauses: readonly Pause[], reload: () => void) {
  const { success, skipped, error, broken, cancelled } = figures.counts;
  const pause = pauses.find(({ kind, name }) => kind === "task" && name === task);
  const paused = pause !== undefined && pause.state !== "resuming";
  return [
    <Code key="task" text={task} />,
    pause && (
      <span key="state" title={`since ${formatTime(pause.at)}`}>
        <Badge state={pause.state} />
      </span>
    ),
    formatCount(success),
    formatCount(skipped),
    <Failed key="error" task={task} count={error} />,
    <Failed key="broken" task={task} count={broken} />,
    formatCount(cancelled),
    formatCount(figures.retried + figures.killed),
    formatRate(figures.perSecond),
    figures.meanSeconds === undefined ? "–" : formatDuration(figures.meanSeconds * 1_000),
    shareOf(figures),
    <PauseButton key="pause" target={{ kind: "task", name: task }} paused={paused} onDone={reload} />,
  ];
}
/** Failures lead to those of their task. */
function Failed({ task, count }: { readonly task: string; readonly count: number }) {
  if (count === 0) return <>0</>;
  return (
    <a class="bad-text" href={to(["failures"], { task })}>
      ✕ {formatCount(count)}
    </a>
  );
}
/** Rounds down, so that only the whole is 100 %. */
const shareOf = ({ successRate }: TaskFigures): string =>
  successRate === undefined ? "–" : `${(Math.floor(successRate * 1_000) / 10).toFixed(1)} %`;
