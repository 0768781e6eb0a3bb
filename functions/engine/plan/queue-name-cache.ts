import { DEFAULT_FUNCTION, DEFAULT_QUEUE, formatQueueName, parseQueueName } from "../../core/names/queue-name.ts";
import type { QueueNames } from "../context.ts";

/** Remembers the full names of queues, because every run asks for one. */
export class QueueNameCache implements QueueNames {
  readonly #site: string;
  readonly #names = new Map<string | undefined, string>();

  /** `site`: the site of queues that name none. */
  constructor(site: string) {
    this.#site = site;
  }

  of(asked: string | undefined): string {
    const known = this.#names.get(asked);
    if (known !== undefined) return known;
    const site = this.#site;
    const name = formatQueueName(
      asked === undefined
        ? { site, queue: DEFAULT_QUEUE, function: DEFAULT_FUNCTION }
        : parseQueueName(asked, { site }),
    );
    if (this.#names.size >= MOST_NAMES) this.#names.clear();
    this.#names.set(asked, name);
    return name;
  }
}
const MOST_NAMES = 1_000;
