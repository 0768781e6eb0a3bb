import { useEffect, useState } from "preact/hooks";
import type { Health } from "../../functions/client/index.ts";
import { formatCount, formatCounted, formatDuration, visible } from "../format.ts";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Code } from "../parts/text.tsx";
import { server, useLive } from "../server.ts";
import { DepthChart, type Sample } from "./depth-chart.tsx";
import { Held } from "./held.tsx";

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
  const queues = Object.entries(health.queues);
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
      {queues.length === 0 ? (
        <Empty title="No queue has received a message yet." />
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="queues">
          <table>
            <thead>
              <tr>
                {["Queue", "Ready", "Delayed", "In flight", "Oldest"].map((title, at) => (
                  <th key={title} scope="col" class={at > 0 ? "right" : undefined}>
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {queues.map(([name, { ready, delayed, inFlight, oldestSeconds }]) => (
                <tr key={name}>
                  <th scope="row">
                    <Code text={name} />
                  </th>
                  <td class="right">{formatCount(ready)}</td>
                  <td class="right">{formatCount(delayed)}</td>
                  <td class="right">{formatCount(inFlight)}</td>
                  <td class="right">{oldestSeconds === undefined ? "" : formatDuration(oldestSeconds * 1_000)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Held />
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
    <dl class="facts">
      {workers && (
        <div>
          <dt>workers</dt>
          <dd>
            {formatCount(workers.ready)} of {formatCount(workers.total)} ready
            {workers.restarts > 0 && `, ${formatCounted(workers.restarts, "restart")}`}
          </dd>
        </div>
      )}
      {slots && (
        <div>
          <dt>slots</dt>
          <dd>
            {formatCount(slots.busy)} of {formatCount(slots.total)} busy
          </dd>
        </div>
      )}
      <div>
        <dt>release</dt>
        <dd>{version}</dd>
      </div>
    </dl>
  );
}
