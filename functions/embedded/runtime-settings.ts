import { formatQueueName } from "../core/names/queue-name.ts";
import type { Settings } from "../sdk/config.ts";
import { capsOf, parkedSitesOf, queuesOf } from "../sdk/queue-settings.ts";
import { secretNames } from "./local-environment.ts";
import type { QueueThreads } from "./queue-shares.ts";
import type { RuntimeOptions } from "./runtime.ts";

const DAY = 86_400;

/** Returns what fanfold.config.ts says about a runtime. */
export function runtimeSettings(
  settings: Settings,
): Pick<RuntimeOptions, "concurrency" | "queues" | "recycle" | "secrets" | "engine"> {
  return {
    concurrency: settings.concurrency,
    queues: queueThreads(settings),
    ...(settings.recycle && { recycle: settings.recycle }),
    secrets: secretNames(settings),
    engine: {
      site: settings.site,
      queues: queuesOf(settings),
      schedules: settings.schedules,
      caps: capsOf(settings),
      parkedSites: parkedSitesOf(settings),
      defaultJobTimeoutSeconds: settings.jobTimeoutDays * DAY,
      retentionSeconds: settings.retentionDays * DAY,
    },
  };
}

/** Returns the threads and weights of the configured queues, by their full names. */
export function queueThreads({ sites }: Pick<Settings, "sites">): QueueThreads {
  return {
    sites: Object.fromEntries(sites.flatMap(({ name, threads }) => (threads === undefined ? [] : [[name, threads]]))),
    queues: Object.fromEntries(
      sites.flatMap(({ name: site, queues }) =>
        queues.map(({ name: queue, function: kind, threads, weight }) => [
          formatQueueName({ site, queue, function: kind }),
          { ...(threads !== undefined && { threads }), ...(weight !== undefined && { weight }) },
        ]),
      ),
    ),
  };
}
