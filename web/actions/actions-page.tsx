import { formatCount, formatExact } from "../format.ts";
import { Empty } from "../parts/notes.tsx";
import { Code, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { readActions } from "./action-log.ts";

/** What this tab has done to many jobs at once. */
export function ActionsPage() {
  const actions = readActions();
  return (
    <>
      <div class="title">
        <h1>Actions</h1>
        <span class="quiet">of this tab, until it is closed</span>
      </div>
      {actions.length === 0 && (
        <Empty title="Nothing has been done from this tab yet.">
          <p>
            <a href={to(["jobs"])}>Jobs</a> and <a href={to(["failures"])}>Failures</a> have buttons that act on all
            that is listed.
          </p>
        </Empty>
      )}
      {actions.map(({ id, at, what, about, done, left, outcomes }) => (
        <section key={id} class="pane">
          <h2>
            {what}: {formatCount(done)} done{left > 0 && `, ${formatCount(left)} left`}
          </h2>
          <p class="quiet">
            {formatExact(at)} · <Line text={about} />
          </p>
          <details>
            <summary>each of them</summary>
            <ul class="outcomes">
              {outcomes.map(({ jobId, text, ok }) => (
                <li key={jobId}>
                  <span class={ok ? "good" : "quiet"}>{ok ? "✓" : "–"}</span>{" "}
                  <a href={to(["jobs", jobId])}>
                    <Code text={jobId} />
                  </a>{" "}
                  <Line text={text} />
                </li>
              ))}
            </ul>
          </details>
        </section>
      ))}
    </>
  );
}
