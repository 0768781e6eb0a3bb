import { useState } from "preact/hooks";
import { hasEnded, type Job, type JobEvent } from "../../functions/client/index.ts";
import { formatCount, formatTime } from "../format.ts";
import { Empty, Loading } from "../parts/notes.tsx";
import { Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { MOST_EVENTS, useEvents } from "./events.ts";
import { RetryJob } from "./job-actions.tsx";

interface Kind {
  readonly task: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** The newest runs first. */
  readonly runIds: readonly string[];
}
const SAMPLES = 5;

/** The failures of the job by task and error, most first. Those of earlier rounds are in it. */
export function FailuresTab({ job, reload }: { readonly job: Job; readonly reload: () => void }) {
  const { events, read, more } = useEvents(job);
  const [retried, setRetried] = useState<Kind>();
  const kinds = kindsOf(events);
  if (!read) return <Loading what="failures" />;
  if (kinds.length === 0) return <Empty title="Nothing has failed in this job." />;
  return (
    <>
      {more && <p class="quiet">Counted in the first {formatCount(MOST_EVENTS)} events of the job.</p>}
      <ul class="kinds">
        {kinds.map((kind) => (
          <li key={`${kind.task} ${kind.reason}`}>
            <KindOf kind={kind} />
            {hasEnded(job) && (
              <button type="button" onClick={() => setRetried(kind)}>
                Retry these …
              </button>
            )}
          </li>
        ))}
      </ul>
      {retried && (
        <RetryJob
          job={job}
          title={`Retry one kind of failure`}
          selection={{ tasks: [retried.task], reasons: [retried.reason] }}
          onClose={() => {
            setRetried(undefined);
            reload();
          }}
        />
      )}
    </>
  );
}
function KindOf({ kind }: { readonly kind: Kind }) {
  return (
    <div class="kind">
      <p>
        <span class="bad-text number">✕ {formatCount(kind.count)}</span>{" "}
        <strong>
          <Line text={kind.task} />
        </strong>{" "}
        <span class="tag">
          <Line text={kind.reason} />
        </span>
      </p>
      <p class="message">
        <Line text={kind.message} length={500} />
      </p>
      <p class="quiet">
        first {formatTime(kind.firstAt)}, last {formatTime(kind.lastAt)}; newest:{" "}
        {kind.runIds.map((runId) => (
          <a key={runId} class="sample code" href={to(["runs", runId])}>
            {runId.slice(runId.indexOf("."))}
          </a>
        ))}
      </p>
    </div>
  );
}
function kindsOf(events: readonly JobEvent[]): readonly Kind[] {
  const kinds = new Map<string, Kind>();
  for (const { kind, task = "step", error, at, runId } of events) {
    if (kind !== "failure" || !error) continue;
    const reason = error.reason ?? error.name;
    const key = JSON.stringify([task, reason]);
    const before = kinds.get(key);
    kinds.set(key, {
      task,
      reason,
      message: `${error.name}: ${error.message}`,
      count: (before?.count ?? 0) + 1,
      firstAt: Math.min(before?.firstAt ?? at, at),
      lastAt: Math.max(before?.lastAt ?? at, at),
      runIds: [...(runId === undefined ? [] : [runId]), ...(before?.runIds ?? [])].slice(0, SAMPLES),
    });
  }
  return [...kinds.values()].toSorted((a, b) => b.count - a.count);
}
