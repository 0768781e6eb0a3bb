import { formatQueueName } from "../core/names/queue-name.ts";
import type { Settings } from "./config.ts";

/** Returns the queues of all sites, in full text form. */
export function queuesOf({ sites }: Pick<Settings, "sites">): readonly string[] {
  return sites.flatMap(({ name: site, queues }) =>
    queues.map((queue) => formatQueueName({ site, queue: queue.name, function: queue.function })),
  );
}

/** Returns the caps of queues by their full names; undefined when no queue has one. */
export function capsOf({ sites }: Pick<Settings, "sites">): { readonly [queue: string]: number } | undefined {
  const caps = sites.flatMap(({ name: site, cap: ofSite, queues }) =>
    queues.flatMap(({ name: queue, function: kind, cap = ofSite }) =>
      cap === undefined ? [] : [[formatQueueName({ site, queue, function: kind }), cap] as const],
    ),
  );
  return caps.length === 0 ? undefined : Object.fromEntries(caps);
}

/** Returns the full names of the queues that have a queue of their own for each priority band on AWS. */
export function bandedQueuesOf({ sites }: Pick<Settings, "sites">): readonly string[] {
  return sites.flatMap(({ name: site, queues }) =>
    queues.flatMap(({ name: queue, function: kind, bands }) =>
      bands ? [formatQueueName({ site, queue, function: kind })] : [],
    ),
  );
}

/** Returns the names of the sites whose work is parked. */
export function parkedSitesOf({ sites }: Pick<Settings, "sites">): readonly string[] {
  return sites.flatMap(({ name: site, process }) => (process ? [] : [site]));
}
