import type { Run } from "../../functions/client/index.ts";
import { formatCount } from "../format.ts";
import { Line } from "../parts/text.tsx";
import { RunLink } from "./run-link.tsx";

/** Says why a run has run, or why no code of it ran, and of which versions its end was made. */
export function Why({ run: { why, verified, version, outdated = [] } }: { readonly run: Run }) {
  return (
    <>
      {why && (
        <li>
          Why it ran: <Reason why={why} />.
        </li>
      )}
      {verified && <li>All that it depends on came out equal, so its earlier end holds, and no code ran.</li>}
      {version !== undefined && version > 0 && <li>It was made by version {formatCount(version)} of its task.</li>}
      {outdated.map(({ task, from, to }) => (
        <li key={task}>
          Outdated: <Line text={task} /> has version {formatCount(to)}, and this was made with {formatCount(from)}.
        </li>
      ))}
    </>
  );
}
function Reason({ why }: { readonly why: NonNullable<Run["why"]> }) {
  switch (why.of) {
    case "first":
      return <>nobody had asked for it before</>;
    case "retry":
      return <>its job was retried</>;
    case "input":
      return (
        <>
          the step before it, <RunLink runId={why.runId} />, ran again
        </>
      );
    case "version":
      return (
        <>
          <Line text={why.task} /> has version {formatCount(why.to)}, and the end was made by {formatCount(why.from)}
        </>
      );
    case "dependency":
      return (
        <>
          the end of <RunLink runId={why.runId} /> has changed
        </>
      );
    case "declared":
      return <>a dependency was declared that it had not</>;
    case "asked":
      return <>somebody asked for it to run again</>;
    case "removed":
      return <>it had been removed before</>;
    case "tier":
      return <>it had failed {formatCount(why.failures)} times in a row, and its task runs again by tiers</>;
    case "failure":
      return <>its end before was a failure{why.reason !== undefined && <Line text={`, ${why.reason}`} />}</>;
    case "age":
      return <>its end before was older than who asked allows</>;
    case "expiry":
      return <>its end before would have been removed before the job that asked</>;
    case "shared":
      return (
        <>
          no code of its own: it waits for <RunLink runId={why.runId} />, which runs for all who ask
        </>
      );
    case "reused":
      return (
        <>
          no code of its own: it took the end of <RunLink runId={why.runId} />, which was there already
        </>
      );
  }
}
