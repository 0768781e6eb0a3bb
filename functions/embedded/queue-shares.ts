import { parseQueueName } from "../core/names/queue-name.ts";
import type { QueueShares } from "../host/slots.ts";

/** Settings of queues, as they are handed to a process. Queues are named in full. */
export interface QueueThreads {
  /** Most slots in one process for each queue of a site that sets no number of its own. */
  readonly sites: { readonly [site: string]: number };
  readonly queues: { readonly [queue: string]: { readonly threads?: number; readonly weight?: number } };
}
/** Slots of a queue whose site sets no number either. */
const DEFAULT_THREADS = 10;

/** Returns what each queue gets: its own number of threads, else that of its site, else 10. */
export function queueShares({ sites, queues }: QueueThreads = { sites: {}, queues: {} }): QueueShares {
  const bySite = new Map(Object.entries(sites));
  const byQueue = new Map(Object.entries(queues));
  return {
    threadsOf: (queue) =>
      byQueue.get(queue)?.threads ?? bySite.get(parseQueueName(queue, { site: "" }).site) ?? DEFAULT_THREADS,
    weightOf: (queue) => byQueue.get(queue)?.weight ?? 1,
  };
}
