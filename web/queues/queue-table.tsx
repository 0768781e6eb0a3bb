import type { Queue } from "../../functions/client/index.ts";
import { formatCount, formatDuration } from "../format.ts";
import { Empty } from "../parts/notes.tsx";
import { Table } from "../parts/table.tsx";
import { Code } from "../parts/text.tsx";

/** What waits in each queue, and for it. */
export function QueueTable({ queues }: { readonly queues: readonly Queue[] }) {
  if (queues.length === 0) return <Empty title="No queue has received a message yet." />;
  return (
    <Table
      label="queues"
      columns={["Queue", "Ready", "Delayed", "In flight", "Oldest", "Backlog", "Cap"]}
      rows={queues}
      keyOf={({ name }) => name}
      cells={cellsOf}
    />
  );
}
function cellsOf({ name, depth, oldestSeconds, backlog, backlogMore, cap }: Queue) {
  return [
    <Code key="name" text={name} />,
    countOf(depth?.ready),
    countOf(depth?.delayed),
    countOf(depth?.inFlight),
    oldestSeconds === undefined ? "" : formatDuration(oldestSeconds * 1_000),
    backlog === undefined ? "" : `${formatCount(backlog)}${backlogMore ? "+" : ""}`,
    cap === undefined ? "" : formatCount(cap),
  ];
}
const countOf = (count: number | undefined): string => (count === undefined ? "?" : formatCount(count));
