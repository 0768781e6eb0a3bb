import { useState } from "preact/hooks";
import type { Json, Run, RunDetail } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatExact, visible, visibleLine } from "../format.ts";
import { nameOf, RunList } from "../job/runs-tab.tsx";
import { Facts } from "../parts/facts.tsx";
import { Copy } from "../parts/buttons.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { usePages } from "../parts/pages.ts";
import { Payload } from "../parts/payload.tsx";
import { Badge, Code, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { codeOf, server, useLive } from "../server.ts";
import { isEnd } from "../states.ts";
import { runIdParts, startsBefore } from "./run-id.ts";
import { GroupLink, RunLink } from "./run-link.tsx";
import { Why } from "./why.tsx";
import { RunActions } from "./run-actions.tsx";
import { standingOf } from "./standing.ts";

const LIVE_MS = 1_000;
const ENDED_MS = 5_000;

export function RunPage({ runId }: { readonly runId: string }) {
  const live = useLive(
    `run ${runId}`,
    () => server().run(runId),
    ({ status }) => (isEnd(status) ? ENDED_MS : LIVE_MS),
  );
  const run = live.value;
  if (run === undefined) {
    const missing = codeOf(live.error) === "run_not_found";
    return (
      <>
        <Path runId={runId} />
        {missing ? (
          <Empty title="This run has no row.">
            <p>It has not begun yet, its group tracks only the ledger, or its job has expired.</p>
          </Empty>
        ) : (
          <Problem error={live.error} />
        )}
        {!live.error && <Loading what="the run" />}
      </>
    );
  }
  return (
    <>
      <Path runId={runId} />
      <div class="title">
        <Badge state={run.status} />
        <h1>
          <Line text={nameOf(run)} />
        </h1>
        <span class="id">
          <Code text={run.runId} />
          <Copy text={run.runId} what="the id" />
        </span>
      </div>
      <p class="standing">{standingOf(run)}</p>
      <RunActions run={run} reload={live.reload} />
      <RunFacts run={run} />
      <div class="panes">
        <Input run={run} />
        <Output run={run} />
        <Attempts run={run} />
        <Around run={run} />
      </div>
      {run.childGroup !== undefined && <Children run={run} group={run.childGroup} />}
    </>
  );
}

function Path({ runId }: { readonly runId: string }) {
  const { jobId, above } = runIdParts(runId);
  return (
    <p class="path">
      <a href={to(["jobs"])}>Jobs</a> › <a href={to(["jobs", jobId])}>{jobId}</a> ›{" "}
      {above.map((each) => (
        <span key={each}>
          <a href={to(["runs", each])}>
            <Code text={each.slice(jobId.length)} />
          </a>{" "}
          ›{" "}
        </span>
      ))}
    </p>
  );
}

function RunFacts({ run }: { readonly run: Run }) {
  const { attempt, round, queuedAt, startedAt, endedAt, stamps } = run;
  const rows: [string, string | undefined][] = [
    ["attempt", formatCount(attempt)],
    ["round", round > 0 ? formatCount(round) : undefined],
    ["queued", queuedAt === undefined ? undefined : formatExact(queuedAt)],
    ["started", startedAt === undefined ? undefined : formatExact(startedAt)],
    ["ended", endedAt === undefined ? undefined : formatExact(endedAt)],
    ["in queue", between(queuedAt, startedAt)],
    ["took", between(startedAt, endedAt)],
    ["stamps", stamps && JSON.stringify(stamps)],
  ];
  return <Facts rows={rows} />;
}
function between(from: number | undefined, end: number | undefined): string | undefined {
  return from === undefined || end === undefined ? undefined : formatDuration(Math.max(0, end - from));
}

function Input({ run: { args, kwargs, inputOf, each } }: { readonly run: Run }) {
  if (args === undefined)
    return (
      <section class="pane">
        <h2>Input</h2>
        <p class="quiet">The engine runs this step itself. It has no arguments.</p>
      </section>
    );
  return (
    <section class="pane">
      <h2>Input</h2>
      {inputOf !== undefined && <Before runId={inputOf} />}
      {each && <p class="quiet">The task is called for each item ({each}).</p>}
      <Payload value={args as Json} name="arguments" />
      {kwargs && Object.keys(kwargs).length > 0 && (
        <>
          <h3>Keyword arguments</h3>
          <Payload value={kwargs} name="keyword arguments" />
        </>
      )}
    </section>
  );
}
/** The value that comes before the arguments. It may be large, so it is read on request. */
function Before({ runId }: { readonly runId: string }) {
  const [wanted, setWanted] = useState(false);
  return (
    <div>
      <p>
        First the value of{" "}
        <a href={to(["runs", runId])}>
          <Code text={runId} />
        </a>
        , then these arguments.{" "}
        {!wanted && (
          <button type="button" class="small" onClick={() => setWanted(true)}>
            show it
          </button>
        )}
      </p>
      {wanted && <ValueOf runId={runId} />}
    </div>
  );
}
function ValueOf({ runId }: { readonly runId: string }) {
  const { value: run, error } = useLive(`value ${runId}`, () => server().run(runId));
  if (!run) return error ? <Problem error={error} /> : <Loading what="the value" />;
  if (run.collects !== undefined)
    return (
      <p>
        The results of <Code text={run.collects} />, in the order of its members.
      </p>
    );
  return <Payload value={run.value ?? null} name="value of the step before" />;
}

function Output({ run: { value, collects, status, error } }: { readonly run: Run }) {
  return (
    <section class="pane">
      <h2>{error ? "Error" : "Output"}</h2>
      {error && (
        <div class="problem">
          <p class="strong">
            <Line text={error.name} />
            {error.reason !== undefined && (
              <span class="tag">
                <Line text={error.reason} />
              </span>
            )}
          </p>
          <pre tabIndex={0} aria-label="message of the error" role="region">
            <bdi>{visible(error.message)}</bdi>
          </pre>
          {error.retryable === false && <p>It says that trying again is of no use.</p>}
        </div>
      )}
      {error?.details !== undefined && <Payload value={error.details} name="details" />}
      {error?.cause !== undefined && <Payload value={error.cause as unknown as Json} name="cause" />}
      {value !== undefined && <Payload value={value} name="output" />}
      {collects !== undefined && (
        <p>
          Its value is the results of <Code text={collects} />.
        </p>
      )}
      {!error && value === undefined && collects === undefined && (
        <p class="quiet">{isEnd(status) ? "It has no value." : "It has not ended."}</p>
      )}
    </section>
  );
}

/** Log and stack, an attempt a tab, the latest first. */
function Attempts({ run }: { readonly run: Run }) {
  const details = [...(run.detail ? [run.detail] : []), ...(run.earlier ?? [])];
  const [chosen, setChosen] = useState(0);
  const detail = details[Math.min(chosen, details.length - 1)];
  return (
    <section class="pane">
      <h2>Log</h2>
      {details.length > 1 && (
        <div class="choices" role="group" aria-label="attempts">
          {details.map(({ attempt }, at) => (
            <button
              key={attempt}
              type="button"
              class="small"
              aria-pressed={detail === details[at]}
              onClick={() => setChosen(at)}
            >
              {attemptName(attempt)}
            </button>
          ))}
        </div>
      )}
      {detail ? <Detail detail={detail} /> : <p class="quiet">No attempt has logged anything.</p>}
    </section>
  );
}
function attemptName(attempt: string): string {
  const [round = 0, number = 0] = attempt.split(".").map(Number);
  return round > 0 ? `round ${round}, attempt ${number}` : `attempt ${number}`;
}
function Detail({ detail: { attempt, log, dropped, stack } }: { readonly detail: RunDetail }) {
  return (
    <>
      <p class="quiet">
        {attemptName(attempt)}
        {dropped > 0 && `; ${formatCount(dropped)} lines are left out between the first and the last`}
      </p>
      {log.length > 0 && (
        <pre class="log" tabIndex={0} role="region" aria-label="log">
          {log.map((line, at) => (
            <LogLine key={at} line={line} />
          ))}
        </pre>
      )}
      {stack !== undefined && (
        <details open>
          <summary>stack</summary>
          <pre tabIndex={0} role="region" aria-label="stack">
            <bdi>{visible(stack)}</bdi>
          </pre>
        </details>
      )}
    </>
  );
}
function LogLine({ line }: { readonly line: Json }) {
  if (typeof line !== "object" || line === null || Array.isArray(line)) return <bdi>{`${JSON.stringify(line)}\n`}</bdi>;
  const { at, level, message, fields } = line as { at?: number; level?: string; message?: string; fields?: Json };
  const time = typeof at === "number" ? formatExact(at).slice(11) : "";
  const more = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
  return (
    <>
      <span class={`level ${level ?? ""}`}>{`${time} ${level ?? ""} `}</span>
      <bdi>{visible(`${message ?? ""}${more}`)}</bdi>
      {"\n"}
    </>
  );
}

/** What came before this run, and what follows. */
function Around({ run }: { readonly run: Run }) {
  const before = startsBefore(run.runId);
  const { above, next } = runIdParts(run.runId);
  const owner = above.at(-1);
  return (
    <section class="pane">
      <h2>Why it ran, and what follows</h2>
      <ul class="around">
        {before !== undefined && (
          <li>
            It follows <RunLink runId={before} />, the step before it in its strand.
          </li>
        )}
        {owner !== undefined && (
          <li>
            It is in member {formatCount(run.index)} of the group that <RunLink runId={owner} /> opened.
          </li>
        )}
        {before === undefined && owner === undefined && <li>It is the first run of its job.</li>}
        {run.inputOf !== undefined && (
          <li>
            It takes the value of <RunLink runId={run.inputOf} />.
          </li>
        )}
        {run.adopts && !run.why && (
          <li>
            It runs no code: it takes over how <RunLink runId={run.adopts.runId} /> ends
            {run.adopts.reused && ", which had ended before"}.
          </li>
        )}
        {run.dependencies?.map(({ name, runId, status, changed }) => (
          <li>
            It depends on <RunLink runId={runId} />
            {name !== undefined && ` by the name ${visibleLine(name)}`}, which is {status ?? "gone"}
            {changed && ", and has ended otherwise since"}.
          </li>
        ))}
        {run.dependents?.map((runId) => (
          <li>
            <RunLink runId={runId} /> depends on it.
          </li>
        ))}
        {run.cause?.map((runId) => (
          <li>
            It ran again because <RunLink runId={runId} /> had ended otherwise.
          </li>
        ))}
        <Why run={run} />
        {run.next && (
          <li>
            After a success <RunLink runId={next} /> follows.
          </li>
        )}
        {run.childGroup !== undefined && (
          <li>
            It has opened the group <GroupLink groupId={run.childGroup} />.
          </li>
        )}
        {!run.next && owner !== undefined && (
          <li>
            Its end is counted in <GroupLink groupId={run.groupId} />, for which <RunLink runId={owner} /> waits.
          </li>
        )}
      </ul>
    </section>
  );
}
function Children({ run, group }: { readonly run: Run; readonly group: string }) {
  const key = `${group} ${run.status} ${run.round}`;
  const load = (cursor?: string) =>
    server().runs(run.jobId, { group, limit: 100, ...(cursor !== undefined && { cursor }) });
  const runs = usePages<Run>(key, load, ({ runId }) => runId);
  return (
    <section class="members">
      <div class="title">
        <h2>
          Members of <GroupLink groupId={group} />
        </h2>
        <a class="button" href={to(["jobs", run.jobId, "graph"], { run: run.runId, open: group })}>
          as a graph
        </a>
      </div>
      <Problem error={runs.error} />
      <RunList runs={runs} label="Members" />
    </section>
  );
}
