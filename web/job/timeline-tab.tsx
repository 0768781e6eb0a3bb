import { useState } from "preact/hooks";
import type { Job, Run } from "../../functions/client/index.ts";
import { formatCounted, formatDuration, formatTime, visibleLine } from "../format.ts";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Badge, Code, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { lookOf } from "../states.ts";
import { nameOf, useRuns } from "./runs-tab.tsx";

/** Members of one group that are drawn when it is opened. */
const DRAWN = 200;
/** Groups that are open at first. */
const OPEN = 2;

/** When runs waited and ran, folded by group. Only the runs that were read are drawn; more are read on request. */
export function TimelineTab({ job }: { readonly job: Job }) {
  const { runs, problem } = useRuns(job, {});
  const groups = groupsOf(runs.items);
  const from = Math.min(...runs.items.map(beginOf), job.createdAt);
  const end = Math.max(...runs.items.map(endOf), job.endedAt ?? from + 1, from + 1);
  const scale = { from, length: end - from };
  return (
    <>
      <Problem error={problem} />
      {groups.length > 0 && (
        <p class="quiet">
          {formatTime(from)} to {formatTime(end)}, {formatDuration(end - from)}. Light is the wait in a queue, dark the
          last attempt.
        </p>
      )}
      <div class="gantt">
        {groups.map(([group, members], at) => (
          <Group key={group} group={group} members={members} scale={scale} open={at < OPEN} />
        ))}
      </div>
      {runs.reading && <Loading what="runs" />}
      {runs.more && (
        <button type="button" onClick={runs.more}>
          read more runs: {formatCounted(runs.items.length, "run")} so far
        </button>
      )}
      {!runs.empty && runs.items.length === 0 && <Empty title="No run has begun." />}
    </>
  );
}
interface Scale {
  readonly from: number;
  readonly length: number;
}
interface GroupProps {
  readonly group: string;
  readonly members: readonly Run[];
  readonly scale: Scale;
  readonly open: boolean;
}
function Group({ group, members, scale, open: first }: GroupProps) {
  const [open, setOpen] = useState(first);
  const shown = members.slice(0, DRAWN);
  return (
    <section>
      <button type="button" class="gantt-row group" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="gantt-name">
          {open ? "▾" : "▸"} {formatCounted(members.length, "run")}{" "}
          <span class="quiet">
            {group.includes(".") ? <Code text={group.slice(group.indexOf("."))} /> : "of the job"}
          </span>
        </span>
        <span class="lane">
          <Span
            from={Math.min(...members.map(beginOf))}
            end={Math.max(...members.map(endOf))}
            scale={scale}
            look="whole"
          />
        </span>
      </button>
      {open && shown.map((run) => <Bar key={run.runId} run={run} scale={scale} />)}
      {open && members.length > DRAWN && (
        <p class="quiet">{formatCounted(members.length - DRAWN, "run")} of this group are not drawn.</p>
      )}
    </section>
  );
}
function Bar({ run, scale }: { readonly run: Run; readonly scale: Scale }) {
  const { startedAt, queuedAt, status, attempt } = run;
  const took = startedAt === undefined ? "" : formatDuration(Math.max(0, endOf(run) - startedAt));
  const said = `${nameOf(run)}: ${status} ${took}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
  return (
    <a class="gantt-row" href={to(["runs", run.runId])} title={visibleLine(said)}>
      <span class="gantt-name">
        <Badge state={status} /> <Line text={nameOf(run)} length={40} />
        {attempt > 1 && <span class="quiet"> ×{attempt}</span>}
      </span>
      <span class="lane">
        {queuedAt !== undefined && <Span from={queuedAt} end={startedAt ?? endOf(run)} scale={scale} look="queue" />}
        {startedAt !== undefined && <Span from={startedAt} end={endOf(run)} scale={scale} look={lookOf(status).tone} />}
        {took !== "" && <span class="lane-text">{took}</span>}
      </span>
    </a>
  );
}
interface SpanProps {
  readonly from: number;
  readonly end: number;
  readonly scale: Scale;
  readonly look: string;
}
function Span({ from, end, scale, look }: SpanProps) {
  const left = (100 * (from - scale.from)) / scale.length;
  const width = Math.max(0.2, (100 * (end - from)) / scale.length);
  return <span class={`span ${look}`} style={{ left: `${Math.max(0, left)}%`, width: `${Math.min(100, width)}%` }} />;
}

const beginOf = ({ queuedAt, startedAt, endedAt }: Run): number =>
  queuedAt ?? startedAt ?? endedAt ?? Number.POSITIVE_INFINITY;
/** What has begun and not ended lasts until now. */
function endOf({ endedAt, startedAt, queuedAt }: Run): number {
  if (endedAt !== undefined) return endedAt;
  return startedAt === undefined && queuedAt === undefined ? Number.NEGATIVE_INFINITY : Date.now();
}
function groupsOf(runs: readonly Run[]): readonly [string, readonly Run[]][] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const begun = run.queuedAt ?? run.startedAt ?? run.endedAt;
    if (begun === undefined) continue;
    const members = groups.get(run.groupId) ?? [];
    if (members.length === 0) groups.set(run.groupId, members);
    members.push(run);
  }
  return [...groups];
}
