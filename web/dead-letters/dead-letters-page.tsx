import { useState } from "preact/hooks";
import type {
  DeadLetter,
  DeadLetterAction,
  DeadLetterCounts,
  DeadLetterReason,
  Json,
} from "../../functions/client/index.ts";
import { formatCount, formatCounted, formatExact, formatTime, visible } from "../format.ts";
import { Confirm } from "../parts/dialog.tsx";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { usePages } from "../parts/pages.ts";
import { Payload } from "../parts/payload.tsx";
import { Code, Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { server, useLive } from "../server.ts";

const FIELDS = ["queue", "task", "reason", "jobId"] as const;
type Filter = DeadLetterAction;

/** Messages that were given up. They can be sent again, or removed, one or all that match. */
export function DeadLettersPage({ route }: { readonly route: Route }) {
  const filter = filterOf(route.query);
  const [asked, setAsked] = useState<Kind>();
  const letters = usePages<DeadLetter>(
    JSON.stringify(filter),
    (cursor) => server().deadLetters({ ...filter, ...(cursor !== undefined && { cursor }) }),
    ({ id }) => id,
  );
  return (
    <>
      <div class="title">
        <h1>Dead letters</h1>
        <span class="quiet">messages that were given up after 20 receives</span>
      </div>
      <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        {FIELDS.map((name) => (
          <input
            key={name}
            type="search"
            aria-label={name}
            placeholder={`${name}, in full`}
            value={filter[name] ?? ""}
            onChange={(event) => setQuery(route, { [name]: event.currentTarget.value.trim() })}
          />
        ))}
      </form>
      <Problem error={letters.error} />
      {letters.items.length > 0 && (
        <>
          <div class="tools actions">
            <button type="button" onClick={() => setAsked("redrive")}>
              Redrive all of these …
            </button>
            <button type="button" onClick={() => setAsked("purge")}>
              Purge all of these …
            </button>
          </div>
          <List
            label="Dead letters"
            items={letters.items}
            columns={COLUMNS}
            keyOf={({ id }) => id}
            hrefOf={({ id }) => to(["dead-letters", id])}
            more={letters.more}
          />
        </>
      )}
      {letters.reading && <Loading what="dead letters" />}
      {!letters.empty && !letters.reading && letters.items.length === 0 && !letters.more && (
        <Empty title="There is no dead letter.">
          <p>Nothing needs to be done here. A message that could not be handled for a day would be listed.</p>
        </Empty>
      )}
      {asked && (
        <ActOnLetters
          kind={asked}
          action={filter}
          onClose={() => {
            setAsked(undefined);
            letters.reload();
          }}
        />
      )}
    </>
  );
}
function filterOf(query: URLSearchParams): Filter {
  const given = FIELDS.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : []));
  return Object.fromEntries(given) as Filter & { reason?: DeadLetterReason };
}
const COLUMNS: readonly Column<DeadLetter>[] = [
  { title: "Given up", width: "10.5rem", cell: ({ at }) => formatTime(at) },
  {
    title: "Task",
    width: "minmax(10rem, 1fr)",
    narrow: true,
    cell: ({ task, kind, queue }) => (
      <span class="stack">
        <Line text={task ?? kind ?? "unreadable"} />
        <Code text={queue} />
      </span>
    ),
  },
  { title: "Reason", width: "9rem", narrow: true, cell: ({ reason }) => reason },
  {
    title: "Error",
    width: "minmax(10rem, 1.5fr)",
    cell: ({ error }) => error && <Line text={`${error.name}: ${error.message}`} length={200} />,
  },
  { title: "Runs", width: "5rem", right: true, narrow: true, cell: ({ runs = 0 }) => formatCount(runs) },
  { title: "Redrives", width: "5.5rem", right: true, cell: ({ redrives }) => formatCount(redrives) },
];

type Kind = "redrive" | "purge";
interface ActProps {
  readonly kind: Kind;
  readonly action: DeadLetterAction;
  readonly onClose: () => void;
}
function ActOnLetters({ kind, action, onClose }: ActProps) {
  const verb = kind === "redrive" ? "Redrive" : "Purge";
  const call = (given: DeadLetterAction): Promise<DeadLetterCounts> =>
    kind === "redrive" ? server().redriveDeadLetters(given) : server().purgeDeadLetters(given);
  return (
    <Confirm<DeadLetterCounts>
      title={kind === "redrive" ? "Send them to their queues again" : "Remove them for good"}
      danger={kind === "purge"}
      look={() => allPages(call, { ...action, dryRun: true })}
      say={(counts) => <Say kind={kind} counts={counts} />}
      button={({ letters }) => (letters === 0 ? undefined : `${verb} ${formatCounted(letters, "message")}`)}
      act={async () => {
        const { letters, ended, refused } = await allPages(call, action);
        return (
          <p>
            {formatCounted(letters, "message")} done, {formatCount(ended + refused)} left.
          </p>
        );
      }}
      onClose={onClose}
    />
  );
}
function Say({ kind, counts }: { readonly kind: Kind; readonly counts: DeadLetterCounts }) {
  const { letters, kinds, ended, refused } = counts;
  return (
    <>
      <p>
        {kind === "redrive"
          ? `${formatCounted(letters, "message")} would be sent again, each before its letter is removed.`
          : `${formatCounted(letters, "dead letter")} would be removed. This cannot be undone.`}
      </p>
      <ul>
        {kinds.map(({ queue, reason, task, count }) => (
          <li key={`${queue} ${reason} ${task}`}>
            {formatCount(count)} × <Line text={task ?? "no task"} />, {reason}, <Code text={queue} />
          </li>
        ))}
      </ul>
      {ended > 0 && <p class="quiet">left: {formatCount(ended)}, whose runs have ended. Retry these runs.</p>}
      {refused > 0 && <p class="quiet">left: {formatCount(refused)}, whose queue does not exist.</p>}
    </>
  );
}
async function allPages(
  call: (action: DeadLetterAction) => Promise<DeadLetterCounts>,
  action: DeadLetterAction,
): Promise<DeadLetterCounts> {
  const sum = { letters: 0, kinds: [] as DeadLetterCounts["kinds"], ended: 0, refused: 0 };
  let cursor: string | undefined;
  do {
    const page = await call({ ...action, ...(cursor !== undefined && { cursor }) });
    sum.letters += page.letters;
    sum.kinds = [...sum.kinds, ...page.kinds];
    sum.ended += page.ended;
    sum.refused += page.refused;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return sum;
}

export function DeadLetterPage({ id }: { readonly id: string }) {
  const [asked, setAsked] = useState<Kind>();
  const { value: letter, error, reload } = useLive(`letter ${id}`, () => server().deadLetter(id));
  return (
    <>
      <p class="path">
        <a href={to(["dead-letters"])}>Dead letters</a> ›
      </p>
      <Problem error={error} />
      {!letter && !error && <Loading what="the letter" />}
      {letter && (
        <>
          <div class="title">
            <h1>
              <Line text={letter.task ?? letter.kind ?? "unreadable"} />
            </h1>
            <Code text={letter.id} />
          </div>
          <p>
            Given up on {formatExact(letter.at)} from <Code text={letter.queue} />: {letter.reason}.
          </p>
          {letter.error && (
            <p class="problem">
              <bdi>{visible(`${letter.error.name}: ${letter.error.message}`)}</bdi>
            </p>
          )}
          <div class="actions">
            <button type="button" onClick={() => setAsked("redrive")}>
              Redrive …
            </button>
            <button type="button" onClick={() => setAsked("purge")}>
              Purge …
            </button>
          </div>
          <div class="panes">
            <section class="pane">
              <h2>Runs</h2>
              <ul class="around">
                {(letter.runIds ?? []).map((runId) => (
                  <li key={runId}>
                    <a href={to(["runs", runId])}>
                      <Code text={runId} />
                    </a>
                  </li>
                ))}
              </ul>
              {letter.args && <Payload value={letter.args as Json} name="arguments of the first run" />}
            </section>
            <section class="pane">
              <h2>Message</h2>
              <Payload value={letter.body} name="message" />
            </section>
          </div>
        </>
      )}
      {asked && (
        <ActOnLetters
          kind={asked}
          action={{ id }}
          onClose={() => {
            setAsked(undefined);
            reload();
          }}
        />
      )}
    </>
  );
}
