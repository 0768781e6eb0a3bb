import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import type { SiteView } from "../../core/task/statistics.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { isPaused, queryPauses } from "../items/pause-items.ts";
import { siteOf } from "../jobs/statistics.ts";
import type { QueueDepth } from "../ports.ts";
import { type QueueWork, workOf } from "./statistics.ts";

const AT_ONCE = 8;

/**
 * Lists the sites of the queues of the configuration and those in `more`, and the paused ones, in the order of their
 * names.
 */
export async function viewSites(context: Context, more: readonly string[]): Promise<readonly SiteView[]> {
  const names = [...new Set([...(context.config.queues ?? []), ...more])].filter((name) => name !== ENGINE_QUEUE);
  const pauses = (await queryPauses(context)).filter(({ target }) => target.kind === "site");
  const known = new Map<string, { readonly depth: QueueDepth | undefined; readonly work: QueueWork }>();
  await eachBounded(names, AT_ONCE, async (name) => {
    const [depth, work] = await Promise.all([context.queue.depth(name), workOf(context, name)]);
    known.set(name, { depth, work });
  });
  const sites = new Set([context.config.site, ...names.map(siteOf), ...pauses.map(({ target }) => target.name)]);
  return [...sites].toSorted().map((site) => {
    const queues = names.filter((name) => siteOf(name) === site).toSorted();
    const parts = queues.flatMap((name) => known.get(name) ?? []);
    const depths = parts.flatMap(({ depth }) => depth ?? []);
    const pause = pauses.find(({ target }) => target.name === site);
    return {
      site,
      queues,
      workers: new Set(parts.flatMap(({ work }) => [...work.workers])).size,
      ...(depths.length === parts.length && {
        queued: depths.reduce((sum, { ready, delayed }) => sum + ready + delayed, 0),
        inFlight: depths.reduce((sum, { inFlight }) => sum + inFlight, 0),
      }),
      runsPerSecond: parts.reduce((sum, { work }) => sum + work.runsPerSecond, 0),
      paused: pause !== undefined && isPaused(pause),
      process: !(pause?.configured && isPaused(pause)),
    };
  });
}
