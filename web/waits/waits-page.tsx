import { useState } from "preact/hooks";
import type { Run, Wait } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatTime } from "../format.ts";
import { Filter } from "../parts/filter.tsx";
import { Command } from "../parts/buttons.tsx";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { useNow } from "../parts/now.ts";
import { Code, Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { Answer, Send } from "../run/run-actions.tsx";
import { server, useLive } from "../server.ts";

/** Each look reads every open group, so it is taken seldom. An answer looks again at once. */
const EVERY_MS = 10_000;
const PAGE = 500;
/** Open groups that are looked at before the page asks the user. */
const AT_FIRST = 2_000;

/** What waits for a person, over all jobs, the oldest first. It is answered in place. */
export function WaitsPage({ route }: { readonly route: Route }) {
  const of = route.query.get("of") ?? "";
  const q = route.query.get("q") ?? "";
  const [most, setMost] = useState(AT_FIRST);
  const live = useLive(
    `waits ${of} ${most}`,
    () => readWaits(of, most),
    () => EVERY_MS,
  );
  const [asked, setAsked] = useState<Asked>();
  const [problem, setProblem] = useState<Error>();
  const ask = (what: Asked["what"], wait: Wait): void => {
    setProblem(undefined);
    server()
      .run(wait.runId)
      .then(
        (run) => setAsked({ what, wait, run }),
        (error: unknown) => setProblem(error as Error),
      );
  };
  useNow();
  const found = live.value;
  const shown = found?.waits.filter((wait) => textOf(wait).includes(q.toLowerCase())) ?? [];
  return (
    <>
      <div class="title">
        <h1>Waiting for a person</h1>
        {found && found.waits.length > 0 && (
          <span class="quiet">{formatCount(found.waits.length)}, the oldest first</span>
        )}
      </div>
      <Filter label="name, workflow, task or id" text={q} onText={(text) => setQuery(route, { q: text })}>
        <select aria-label="kind" value={of} onChange={(event) => setQuery(route, { of: event.currentTarget.value })}>
          <option value="">approvals and events</option>
          <option value="approval">approvals</option>
          <option value="event">events</option>
        </select>
        <button type="button" onClick={live.reload}>
          look again
        </button>
      </Filter>
      <Problem error={problem ?? live.error} />
      {!found && !live.error && <Loading what="what waits" />}
      {shown.length > 0 && (
        <List
          label="Waiting"
          tall
          items={shown}
          columns={columns(ask)}
          keyOf={keyOf}
          hrefOf={({ runId }) => to(["runs", runId])}
        />
      )}
      {found?.more && (
        <p>
          {formatCount(most)} open groups were looked at.{" "}
          <button type="button" onClick={() => setMost(most * 4)}>
            look further
          </button>
        </p>
      )}
      {found && found.waits.length > 0 && shown.length === 0 && (
        <Empty title="Nothing that waits matches.">
          <a href={to(["waits"])}>show all that waits</a>
        </Empty>
      )}
      {found?.waits.length === 0 && !found.more && (
        <Empty title="Nothing waits for a person.">
          <p>A job that asks before it goes on, to see what this page shows:</p>
          <Command
            text={`echo '{"chain":[{"approval":{"name":"go-on"}},{"task":"noop"}]}' | npm run fanfold -- submit -`}
          />
        </Empty>
      )}
      {asked && (
        <Dialogs
          asked={asked}
          onClose={() => {
            setAsked(undefined);
            live.reload();
          }}
        />
      )}
    </>
  );
}

async function readWaits(of: string, most: number): Promise<{ waits: readonly Wait[]; more: boolean }> {
  const waits = new Map<string, Wait>();
  let cursor: string | undefined;
  let looked = 0;
  do {
    const page = await server().waits({
      limit: PAGE,
      ...((of === "approval" || of === "event") && { of }),
      ...(cursor !== undefined && { cursor }),
    });
    // A wait that moves in the index meanwhile is on two pages.
    for (const wait of page.items) waits.set(keyOf(wait), wait);
    looked += PAGE;
    cursor = page.cursor;
  } while (cursor !== undefined && looked < most);
  return {
    waits: [...waits.values()].toSorted((a, b) => a.since - b.since || (keyOf(a) < keyOf(b) ? -1 : 1)),
    more: cursor !== undefined,
  };
}
const keyOf = ({ runId, of, name }: Wait): string => `${runId} ${of} ${name}`;
const textOf = ({ name, workflow = "", task = "", runId }: Wait): string =>
  [name, workflow, task, runId].join("\n").toLowerCase();

interface Asked {
  readonly what: "approve" | "reject" | "send";
  readonly wait: Wait;
  readonly run: Run;
}
function Dialogs({ asked: { what, wait, run }, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  if (what === "send") return <Send run={run} event={wait.name} onClose={onClose} />;
  return <Answer run={run} reject={what === "reject"} onClose={onClose} />;
}

function columns(ask: (what: Asked["what"], wait: Wait) => void): readonly Column<Wait>[] {
  return [
    {
      title: "Waits for",
      width: "minmax(10rem, 1fr)",
      cell: ({ of, name }) => (
        <span class="stack">
          <Line text={name} />
          <span>{of}</span>
        </span>
      ),
    },
    {
      title: "Who",
      width: "minmax(12rem, 1.4fr)",
      narrow: true,
      cell: ({ workflow, task, runId }) => (
        <span class="stack">
          <Line text={workflow ?? task ?? "canvas"} />
          <Code text={runId} />
        </span>
      ),
    },
    { title: "Runs", width: "4rem", right: true, cell: ({ runs, more }) => `${formatCount(runs)}${more ? "+" : ""}` },
    {
      title: "For",
      width: "6.5rem",
      right: true,
      narrow: true,
      cell: ({ since }) => formatDuration(Math.max(0, Date.now() - since)),
    },
    {
      title: "Until",
      width: "10.5rem",
      right: true,
      cell: ({ expiresAt }) => (expiresAt === undefined ? "–" : formatTime(expiresAt)),
    },
    {
      title: "Answer",
      width: "12.5rem",
      narrow: true,
      cell: (wait) => (
        <span class="over">
          {wait.of === "approval" ? (
            <>
              <button type="button" class="small" onClick={() => ask("approve", wait)}>
                Approve …
              </button>
              <button type="button" class="small" onClick={() => ask("reject", wait)}>
                Reject …
              </button>
            </>
          ) : (
            <button type="button" class="small" onClick={() => ask("send", wait)}>
              Send …
            </button>
          )}
        </span>
      ),
    },
  ];
}
