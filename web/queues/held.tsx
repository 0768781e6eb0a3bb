import type { Queue, Site } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatRate } from "../format.ts";
import { Table } from "../parts/table.tsx";
import { Badge, Code } from "../parts/text.tsx";
import { PauseButton } from "../pauses/pause-button.tsx";

/** How fast queues and sites are worked off, and what a pause holds. */
export function Held({
  queues,
  sites,
  reload,
}: {
  readonly queues: readonly Queue[];
  readonly sites: readonly Site[];
  readonly reload: () => void;
}) {
  return (
    <>
      {queues.length > 0 && (
        <>
          <h2>Speed and pauses</h2>
          <Table
            label="speed and pauses of queues"
            columns={["Queue", "State", "Runs", "Workers", "Time left", "Parked", "Do"]}
            left={[1, 6]}
            rows={queues}
            keyOf={({ name }) => name}
            cells={(queue) => queueCells(queue, reload)}
          />
        </>
      )}
      {sites.length > 0 && (
        <>
          <h2>Sites</h2>
          <Table
            label="sites"
            columns={["Site", "State", "Queues", "Runs", "Workers", "Waiting", "In flight", "Do"]}
            left={[1, 7]}
            rows={sites}
            keyOf={({ site }) => site}
            cells={(site) => siteCells(site, reload)}
          />
        </>
      )}
    </>
  );
}
function queueCells(queue: Queue, reload: () => void) {
  const { name, paused, runsPerSecond, workers, drainSeconds, parked, parkedMore } = queue;
  return [
    <Code key="name" text={name} />,
    paused && <Badge key="state" state="paused" />,
    formatRate(runsPerSecond),
    formatCount(workers),
    drainSeconds === undefined ? "–" : formatDuration(drainSeconds * 1_000),
    `${formatCount(parked)}${parkedMore ? "+" : ""}`,
    // What the engine itself does is never paused.
    name !== "engine" && <PauseButton key="pause" target={{ kind: "queue", name }} paused={paused} onDone={reload} />,
  ];
}
function siteCells(site: Site, reload: () => void) {
  const { site: name, queues, paused, process, runsPerSecond, workers, queued, inFlight } = site;
  return [
    <Code key="name" text={name} />,
    paused && <Badge key="state" state="paused" />,
    formatCount(queues.length),
    formatRate(runsPerSecond),
    formatCount(workers),
    queued === undefined ? "–" : formatCount(queued),
    inFlight === undefined ? "–" : formatCount(inFlight),
    process ? (
      <PauseButton key="pause" target={{ kind: "site", name }} paused={paused} onDone={reload} />
    ) : (
      <span key="pause" class="quiet">
        by its configuration
      </span>
    ),
  ];
}
