import { useEffect, useState } from "preact/hooks";
import type { Health } from "../../functions/client/index.ts";
import { formatCount, formatCounted, visible } from "../format.ts";
import { Facts } from "../parts/facts.tsx";
import { Loading, Problem } from "../parts/notes.tsx";
import { server, useLive } from "../server.ts";
import { DepthChart, type Sample } from "./depth-chart.tsx";
import { Held } from "./held.tsx";
import { QueueTable } from "./queue-table.tsx";

const EVERY_MS = 2_000;
/** An hour of samples. */
const KEPT = 1_800;

/** How deep the queues are now, and since this page was opened. */
export function QueuesPage() {
  const { value: health, error } = useLive(
    "health",
    async () => ({ ...(await server().health()), at: Date.now() }),
    () => EVERY_MS,
  );
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (health) setSamples((before) => [...before, sampleOf(health)].slice(-KEPT));
  }, [health]);
  if (!health)
    return (
      <>
        <Problem error={error} />
        {!error && <Loading what="queues" />}
      </>
    );
  return (
    <>
      <div class="title">
        <h1>Queues</h1>
      </div>
      {health.status === "degraded" && (
        <p class="problem">
          The server is degraded: {health.reasons.join(", ")}. {visible(health.store.why ?? "")}
        </p>
      )}
      <Workers health={health} />
      <Depths />
      <h2>Messages of all queues, since this page was opened</h2>
      <DepthChart samples={samples} />
    </>
  );
}
function sampleOf({ at, queues }: Health & { readonly at: number }): Sample {
  const all = Object.values(queues);
  return {
    at,
    ready: all.reduce((sum, { ready }) => sum + ready, 0),
    inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
  };
}
function Workers({ health: { workers, slots, version } }: { readonly health: Health }) {
  return (
    <Facts
      rows={[
        ["workers", workers && workersText(workers)],
        ["slots", slots && `${formatCount(slots.busy)} of ${formatCount(slots.total)} busy`],
        ["release", version],
      ]}
    />
  );
}
function workersText({ ready, total, restarts }: NonNullable<Health["workers"]>): string {
  const again = restarts > 0 ? `, ${formatCounted(restarts, "restart")}` : "";
  return `${formatCount(ready)} of ${formatCount(total)} ready${again}`;
}
/** A read costs several queries for each queue. */
const DEPTHS_EVERY_MS = 5_000;
function Depths() {
  const { value, error, reload } = useLive(
    "queues",
    async () => ({ queues: await server().queues(), sites: await server().sites() }),
    () => DEPTHS_EVERY_MS,
  );
  if (!value) return error ? <Problem error={error} /> : <Loading what="queues" />;
  return (
    <>
      <Problem error={error} />
      <QueueTable queues={value.queues} />
      <Held {...value} reload={reload} />
    </>
  );
}
