import type { Queue } from "../../functions/client/index.ts";
import { formatCount, formatDuration } from "../format.ts";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Code } from "../parts/text.tsx";
import { server, useLive } from "../server.ts";

/** A read costs several queries for each queue. */
const EVERY_MS = 5_000;
const COLUMNS = ["Queue", "Ready", "Delayed", "In flight", "Oldest", "Backlog", "Cap", "Parked"];

/** What waits in each queue and for it, and what a pause holds. */
export function QueueTable() {
  const { value: queues, error } = useLive(
    "queues",
    () => server().queues(),
    () => EVERY_MS,
  );
  if (!queues) return error ? <Problem error={error} /> : <Loading what="queues" />;
  if (queues.length === 0) return <Empty title="No queue has received a message yet." />;
  return (
    <>
      <Problem error={error} />
      <div class="scroll" tabIndex={0} role="region" aria-label="queues">
        <table>
          <thead>
            <tr>
              {COLUMNS.map((title, at) => (
                <th key={title} scope="col" class={at > 0 ? "right" : undefined}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {queues.map((queue) => (
              <Row key={queue.name} queue={queue} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
function Row({ queue }: { readonly queue: Queue }) {
  const { name, depth, oldestSeconds, backlog, backlogMore, cap, parked, parkedMore, paused } = queue;
  const cells = [
    countOf(depth?.ready),
    countOf(depth?.delayed),
    countOf(depth?.inFlight),
    oldestSeconds === undefined ? "" : formatDuration(oldestSeconds * 1_000),
    backlog === undefined ? "" : `${formatCount(backlog)}${backlogMore ? "+" : ""}`,
    cap === undefined ? "" : formatCount(cap),
    parked === 0 ? "" : `${formatCount(parked)}${parkedMore ? "+" : ""}`,
  ];
  return (
    <tr>
      <th scope="row">
        <Code text={name} />
        {paused && " paused"}
      </th>
      {cells.map((text, at) => (
        <td key={COLUMNS[at + 1]} class="right">
          {text}
        </td>
      ))}
    </tr>
  );
}
const countOf = (count: number | undefined): string => (count === undefined ? "?" : formatCount(count));
