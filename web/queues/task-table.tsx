import type { TaskFigures, TaskStatistics } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import { Problem } from "../parts/notes.tsx";
import { Code } from "../parts/text.tsx";
import { server, useLive } from "../server.ts";

const EVERY_MS = 5_000;
const MOST = 100;
const COLUMNS = ["Task", "Last 5 min", "Mean", "Well", "All time", "Mean", "Well", "Failed"];

/** What tasks have done: speed, mean duration and the share that ended well. */
export function TaskTable() {
  const { value: page, error } = useLive(
    "statistics",
    () => server().statistics({ limit: MOST }),
    () => EVERY_MS,
  );
  return (
    <>
      <h2>Tasks</h2>
      <Problem error={error} />
      {page && page.items.length === 0 && <p>No run has ended yet.</p>}
      {page && page.items.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="tasks">
          <table>
            <thead>
              <tr>
                {COLUMNS.map((title, at) => (
                  <th key={at} scope="col" class={at > 0 ? "right" : undefined}>
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {page.items.map((task) => (
                <Row key={task.task} of={task} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {page?.cursor !== undefined && <p>There are more tasks than these {formatCount(MOST)}.</p>}
      {page && page.items.length > 0 && <p>Approximate. Cancelled runs are no failures.</p>}
    </>
  );
}
function Row({ of: { task, recent, life } }: { readonly of: TaskStatistics }) {
  const { success, skipped, error, broken } = life.counts;
  return (
    <tr>
      <th scope="row">
        <Code text={task} />
      </th>
      <td class="right">{formatRate(recent.perSecond)}</td>
      <td class="right">{meanOf(recent)}</td>
      <td class="right">{shareOf(recent)}</td>
      <td class="right">{formatCount(success + skipped)}</td>
      <td class="right">{meanOf(life)}</td>
      <td class="right">{shareOf(life)}</td>
      <td class="right">{formatCount(error + broken)}</td>
    </tr>
  );
}
const meanOf = ({ meanSeconds }: TaskFigures): string =>
  meanSeconds === undefined ? "" : formatDuration(meanSeconds * 1_000);
/** Rounds down, so that only the whole is 100 %. */
const shareOf = ({ successRate }: TaskFigures): string =>
  successRate === undefined ? "" : `${Math.floor(successRate * 1_000) / 10} %`;
