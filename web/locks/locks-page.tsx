import type { LockUser, LockView } from "../../functions/client/index.ts";
import { formatCount, formatCounted, formatDistance, formatDuration, formatExact } from "../format.ts";
import { Facts } from "../parts/facts.tsx";
import { Filter } from "../parts/filter.tsx";
import { Command } from "../parts/buttons.tsx";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { useNow } from "../parts/now.ts";
import { Code, Line } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { server, useLive } from "../server.ts";

const EVERY_MS = 2_000;
/** Keys in the list. It is read anew each time, so that holders are those of now. */
const MOST = 200;
const PAGE = 100;

/** Who holds locks and limits, and who waits for them. A key has the whole page to itself. */
export function LocksPage({ route }: { readonly route: Route }) {
  const key = route.query.get("key") ?? "";
  useNow();
  const { value: found, error } = useLive(
    `locks ${key}`,
    () => readLocks(key),
    () => EVERY_MS,
  );
  return (
    <>
      {key !== "" && (
        <p class="path">
          <a href={to(["locks"])}>Locks</a> ›
        </p>
      )}
      <div class="title">
        <h1>{key === "" ? "Locks" : <Line text={key} />}</h1>
        {key === "" && <span class="quiet">and limits, that runs hold or wait for now</span>}
      </div>
      <Filter whole label="key, in full" text={key} onText={(text) => setQuery(route, { key: text })} />
      <Problem error={error} />
      {!found && !error && <Loading what="locks" />}
      {found && key === "" && found.locks.length > 0 && (
        <List
          label="Locks"
          items={found.locks}
          columns={COLUMNS}
          keyOf={idOf}
          hrefOf={(lock) => to(["locks"], { key: lock.key })}
        />
      )}
      {found && key !== "" && found.locks.map((lock) => <Lock key={idOf(lock)} lock={lock} />)}
      {found?.more && <p>There are more keys than these. Name one in full to see it.</p>}
      {found?.locks.length === 0 && !found.more && (
        <Empty title={key === "" ? "No lock or limit is in use." : "Nobody holds this key, or waits for it."}>
          <p>A run that is let start once an hour only, to see what this page shows:</p>
          <Command
            text={`echo '{"task":"noop","options":{"rateLimit":{"per":3600,"limit":1,"key":"hourly"}}}' | npm run fanfold -- submit -`}
          />
        </Empty>
      )}
    </>
  );
}
async function readLocks(key: string): Promise<{ locks: readonly LockView[]; more: boolean }> {
  const locks: LockView[] = [];
  let cursor: string | undefined;
  let looked = 0;
  do {
    const page = await server().locks({
      limit: PAGE,
      ...(key !== "" && { key }),
      ...(cursor !== undefined && { cursor }),
    });
    locks.push(...page.items);
    looked += PAGE;
    cursor = page.cursor;
  } while (cursor !== undefined && looked < MOST);
  return { locks, more: cursor !== undefined };
}
const idOf = ({ kind, key, per = 0 }: LockView): string => `${kind} ${per} ${key}`;
function kindOf({ kind, per }: LockView): string {
  if (kind === "lock") return "lock";
  return per === undefined ? "at once" : `per ${formatDuration(per * 1_000)}`;
}
function useOf({ limit, started, holders = [] }: LockView): string {
  const used = formatCount(started ?? holders.length);
  return limit === undefined ? used : `${used} of ${formatCount(limit)}`;
}
const waitingOf = ({ waiting, more }: LockView): string =>
  waiting === undefined ? "–" : `${formatCount(waiting)}${more ? "+" : ""}`;
function firstOf(users: readonly LockUser[] = []) {
  const [first] = users;
  if (!first) return null;
  return (
    <span class="stack">
      <Line text={first.task ?? "run"} />
      <span>{formatDuration(Math.max(0, Date.now() - first.since))}</span>
    </span>
  );
}
const COLUMNS: readonly Column<LockView>[] = [
  { title: "Key", width: "minmax(10rem, 1.5fr)", cell: ({ key }) => <Line text={key} /> },
  { title: "Kind", width: "8.5rem", narrow: true, cell: (lock) => kindOf(lock) },
  { title: "In use", width: "6rem", right: true, narrow: true, cell: (lock) => useOf(lock) },
  { title: "Waiting", width: "5rem", right: true, narrow: true, cell: (lock) => waitingOf(lock) },
  {
    title: "Held by, for",
    width: "minmax(8rem, 1fr)",
    cell: ({ holders, nextAt }) => (nextAt === undefined ? firstOf(holders) : `next start ${formatDistance(nextAt)}`),
  },
  { title: "First who waits, for", width: "minmax(8rem, 1fr)", cell: ({ waiters }) => firstOf(waiters) },
];

function Lock({ lock }: { readonly lock: LockView }) {
  const { holders, waiters, nextAt } = lock;
  return (
    <>
      <Facts
        rows={[
          ["kind", kindOf(lock)],
          ["in use", useOf(lock)],
          ["waiting", waitingOf(lock)],
          ["next start", nextAt === undefined ? undefined : formatExact(nextAt)],
        ]}
      />
      {holders && <Users title="Holders" users={holders} none="Nobody holds it." />}
      {waiters && (
        <Users
          title={
            waiters.length < (lock.waiting ?? 0)
              ? `The first ${formatCounted(waiters.length, "run")} that wait`
              : "Waiters"
          }
          users={waiters}
          none="Nobody waits."
        />
      )}
      {!holders && (
        <p class="quiet">Runs of a rate hold nothing once they have started. Those that wait are deferred.</p>
      )}
    </>
  );
}
interface UsersProps {
  readonly title: string;
  readonly users: readonly LockUser[];
  readonly none: string;
}
function Users({ title, users, none }: UsersProps) {
  return (
    <section class="members">
      <h2>{title}</h2>
      {users.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <List
          label={title}
          items={users}
          columns={USERS}
          keyOf={({ runId }) => runId}
          hrefOf={({ runId }) => to(["runs", runId])}
        />
      )}
    </section>
  );
}
const USERS: readonly Column<LockUser>[] = [
  {
    title: "Run",
    width: "minmax(12rem, 2fr)",
    cell: ({ task, runId }) => (
      <span class="stack">
        <Line text={task ?? "run"} />
        <Code text={runId} />
      </span>
    ),
  },
  {
    title: "As",
    width: "6rem",
    narrow: true,
    cell: ({ mode }) => (mode === undefined ? "" : mode === "read" ? "reader" : "writer"),
  },
  {
    title: "Attempt",
    width: "5rem",
    right: true,
    cell: ({ attempt }) => (attempt === undefined ? "" : formatCount(attempt)),
  },
  { title: "Since", width: "13rem", right: true, cell: ({ since }) => formatExact(since) },
  {
    title: "For",
    width: "6rem",
    right: true,
    narrow: true,
    cell: ({ since }) => formatDuration(Math.max(0, Date.now() - since)),
  },
];
