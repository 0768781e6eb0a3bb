import { useEffect, useRef, useState } from "preact/hooks";
import { hasEnded, type Job, type ResultEntry } from "../../functions/client/index.ts";
import { formatCount } from "../format.ts";
import { type Column, List } from "../parts/list.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Payload } from "../parts/payload.tsx";
import { Badge, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { server } from "../server.ts";

const PAGE = 100;
/** The value of the job, and the results of its last step in member order, page by page. */
export function ResultsTab({ job }: { readonly job: Job }) {
  const { entries, more, reading, error } = useResults(job);
  if (!hasEnded(job)) return <Empty title="Results can be read once the job has ended." />;
  return (
    <>
      {job.value !== undefined && (
        <section>
          <h2>Value</h2>
          <Payload value={job.value} name="value" />
        </section>
      )}
      <Problem error={error} />
      {entries.length > 0 && job.value === undefined && (
        <List
          label="Results"
          items={entries}
          columns={COLUMNS}
          keyOf={({ index }) => String(index)}
          hrefOf={({ runId }) => to(["runs", runId])}
          more={more}
        />
      )}
      {reading && <Loading what="results" />}
      {!reading && !error && entries.length === 0 && job.value === undefined && (
        <Empty title="The job has no results." />
      )}
    </>
  );
}
const COLUMNS: readonly Column<ResultEntry>[] = [
  { title: "Index", width: "6rem", right: true, cell: ({ index }) => formatCount(index) },
  { title: "State", width: "8rem", narrow: true, cell: ({ status }) => <Badge state={status} /> },
  {
    title: "Value or error",
    width: "1fr",
    narrow: true,
    cell: ({ value, error }) => (
      <Line text={error ? `${error.name}: ${error.message}` : JSON.stringify(value)} length={400} />
    ),
  },
];

/** Reads entries as they are asked for. Each page is a request of its own, which ends when it has enough. */
function useResults(job: Job) {
  const key = `${job.jobId} ${job.round} ${hasEnded(job)}`;
  const [state, setState] = useState<{ key: string; entries: readonly ResultEntry[]; done?: true; error?: Error }>({
    key,
    entries: [],
  });
  const [reading, setReading] = useState(false);
  const turn = useRef(0);
  const read = async (from: readonly ResultEntry[]): Promise<void> => {
    const mine = ++turn.current;
    setReading(true);
    const page: ResultEntry[] = [];
    let error: Error | undefined;
    try {
      for await (const entry of server().results(job.jobId, { from: from.length })) {
        page.push(entry);
        if (page.length >= PAGE) break;
      }
    } catch (problem) {
      error = problem as Error;
    }
    if (mine !== turn.current) return;
    setReading(false);
    setState({
      key,
      entries: [...from, ...page],
      ...(page.length < PAGE && { done: true }),
      ...(error && { error }),
    });
  };
  useEffect(() => {
    if (hasEnded(job)) void read([]);
    return () => void turn.current++;
  }, [key]);
  const entries = state.key === key ? state.entries : [];
  const more = reading || state.done || state.error ? undefined : () => void read(entries);
  return { entries, more, reading, error: state.error };
}
