import { useEffect, useState } from "preact/hooks";
import { ActionsPage } from "./actions/actions-page.tsx";
import { DeadLetterPage, DeadLettersPage } from "./dead-letters/dead-letters-page.tsx";
import { FailuresPage } from "./failures/failures-page.tsx";
import { GroupPage } from "./groups/group-page.tsx";
import { Keys } from "./keys.tsx";
import { JobPage } from "./job/job-page.tsx";
import { JobsPage } from "./jobs/jobs-page.tsx";
import { LocksPage } from "./locks/locks-page.tsx";
import { Command } from "./parts/buttons.tsx";
import { Empty } from "./parts/notes.tsx";
import { type Route, to, useRoute } from "./route.ts";
import { RunPage } from "./run/run-page.tsx";
import { useLink } from "./server.ts";
import { QueuesPage } from "./queues/queues-page.tsx";
import { SchedulePage } from "./schedules/schedule-page.tsx";
import { SchedulesPage } from "./schedules/schedules-page.tsx";
import { TasksPage } from "./tasks/tasks-page.tsx";
import { WaitsPage } from "./waits/waits-page.tsx";
import { StartPage } from "./start/start-page.tsx";
import { useTheme } from "./theme.ts";

const PLACES = [
  { name: "jobs", title: "Jobs" },
  { name: "failures", title: "Failures" },
  { name: "dead-letters", title: "Dead letters" },
  { name: "waits", title: "Waiting" },
  { name: "queues", title: "Queues" },
  { name: "tasks", title: "Tasks" },
  { name: "schedules", title: "Schedules" },
  { name: "locks", title: "Locks" },
  { name: "actions", title: "Actions" },
  { name: "start", title: "New job" },
] as const;

export function App() {
  const route = useRoute();
  const link = useLink();
  const [keys, setKeys] = useState(false);
  useTitle(route);
  useShortcuts(() => setKeys(true));
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => skip(event)}>
        to the content
      </a>
      <Header route={route} onKeys={() => setKeys(true)} />
      <p class={link === "lost" ? "lost" : "lost hidden"} role="status">
        {link === "lost" && "The server does not answer. What is shown may be old; this page tries again by itself."}
      </p>
      <main id="main" tabIndex={-1}>
        {link === "refused" ? <SignIn /> : <Place route={route} />}
      </main>
      {keys && <Keys onClose={() => setKeys(false)} />}
    </>
  );
}

function Header({ route, onKeys }: { readonly route: Route; readonly onKeys: () => void }) {
  const [theme, nextTheme] = useTheme();
  return (
    <header>
      <a class="brand" href={to(["jobs"])}>
        <img src="/icon.svg" alt="" width="22" height="22" />
        Fanfold
      </a>
      <nav aria-label="pages">
        {PLACES.map(({ name, title }) => (
          <a key={name} href={to([name])} aria-current={placeOf(route) === name ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <span class="grow" />
      <button type="button" class="small" onClick={nextTheme} aria-label={`theme: ${theme}`} title={`theme: ${theme}`}>
        {theme === "system" ? "◐" : theme === "light" ? "☀" : "☾"}
      </button>
      <button type="button" class="small" onClick={onKeys} aria-label="keys" title="keys">
        ?
      </button>
    </header>
  );
}
function placeOf({ path }: Route): string {
  const [page = "jobs"] = path;
  return page === "runs" || page === "groups" ? "jobs" : page;
}

function Place({ route }: { readonly route: Route }) {
  const [page, id, tab] = route.path;
  if (page === "jobs" && id !== undefined) return <JobPage key={id} jobId={id} tab={tab ?? "graph"} route={route} />;
  if (page === "runs" && id !== undefined) return <RunPage key={id} runId={id} />;
  if (page === "dead-letters" && id !== undefined) return <DeadLetterPage key={id} id={id} />;
  if (page === "groups" && id !== undefined) return <GroupPage key={id} groupId={id} />;
  if (page === "schedules" && id !== undefined) return <SchedulePage key={id} name={id} />;
  switch (page) {
    case undefined:
    case "jobs":
      return <JobsPage route={route} />;
    case "failures":
      return <FailuresPage route={route} />;
    case "dead-letters":
      return <DeadLettersPage route={route} />;
    case "queues":
      return <QueuesPage />;
    case "waits":
      return <WaitsPage route={route} />;
    case "tasks":
      return <TasksPage route={route} />;
    case "schedules":
      return <SchedulesPage route={route} />;
    case "locks":
      return <LocksPage route={route} />;
    case "actions":
      return <ActionsPage />;
    case "start":
      return <StartPage route={route} />;
  }
  return (
    <Empty title="There is no such page.">
      <a href={to(["jobs"])}>to the jobs</a>
    </Empty>
  );
}

function SignIn() {
  return (
    <Empty title="This page has no token that the server knows.">
      <p>Open the link that the server printed at its start, or have it printed again:</p>
      <Command text="npm run fanfold -- dashboard" />
    </Empty>
  );
}

function useTitle({ path }: Route): void {
  useEffect(() => {
    document.title = [...path.slice(0, 2).toReversed(), "Fanfold"].join(" · ");
  }, [path.join("/")]);
}
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** `/` goes to the search of the page, `?` shows the keys, `g` and a letter opens a page. */
function useShortcuts(showKeys: () => void): void {
  useEffect(() => {
    let before = "";
    const press = (event: KeyboardEvent): void => {
      const { key, target } = event;
      const typing = target instanceof Element && target.closest("input, textarea, select, dialog") !== null;
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === "?") showKeys();
      else if (key === "/") {
        const search = document.querySelector<HTMLElement>("input[type=search]");
        if (!search) return;
        event.preventDefault();
        search.focus();
      } else if (before === "g") {
        const place = PLACES.find(({ title }) => title[0]?.toLowerCase() === key);
        if (place) location.hash = to([place.name]);
      } else if (key === "ArrowDown" && document.activeElement?.matches("body, main"))
        document.querySelector<HTMLElement>("[data-row]")?.focus();
      else if (/^[1-9]$/.test(key)) document.querySelector<HTMLElement>(`nav.tabs a:nth-of-type(${key})`)?.click();
      before = key;
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
