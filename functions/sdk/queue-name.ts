import { FanfoldError } from "../core/errors.ts";
import {
  DEFAULT_FUNCTION,
  DEFAULT_QUEUE,
  formatQueueName,
  parseQueueName,
  type QueueDefaults,
  type QueueFunction,
  type QueueName as QueueParts,
} from "../core/names/queue-name.ts";
import { LIMITS } from "../core/limits.ts";
import { requireCall } from "./current-task.ts";

/** The parts of the name of a queue. `queue` is `default`, and `function` is `worker`, unless they are given. */
export interface GivenQueueName {
  readonly site: string;
  readonly queue?: string;
  readonly function?: QueueFunction;
}

/**
 * The name of a queue, read into its parts. Its text form may change, so use these functions instead of parsing it.
 * @example
 * const name = QueueName.current();
 * name.site; // "london"
 * String(name); // "london.highpriority#custom"
 */
export class QueueName implements QueueParts {
  readonly site: string;
  readonly queue: string;
  readonly function: QueueFunction;

  private constructor(name: QueueParts) {
    this.site = name.site;
    this.queue = name.queue;
    this.function = name.function;
  }
  /**
   * Reads `site.queue#function`. With `defaults` it also reads the short forms `queue`, `site.queue`, `queue#function`
   * and `#function`.
   * @throws FanfoldError `invalid_queue_name`
   */
  static parse(text: string, defaults?: QueueDefaults): QueueName {
    if (defaults === undefined && typeof text === "string" && !text.includes("."))
      throw new FanfoldError(
        "invalid_queue_name",
        `queue name ${JSON.stringify(text.slice(0, LIMITS.nameCharacters))} names no site: give QueueName.parse(text, { site })`,
      );
    return new QueueName(parseQueueName(text, defaults ?? { site: "" }));
  }
  /**
   * Returns the text form, with all three parts.
   * @throws FanfoldError `invalid_queue_name`
   * @example QueueName.format({ site: "london", queue: "highpriority", function: "custom" });
   */
  static format({ site, queue = DEFAULT_QUEUE, function: kind = DEFAULT_FUNCTION }: GivenQueueName): string {
    return formatQueueName({ site, queue, function: kind });
  }
  /**
   * Returns the queue of the task that calls this.
   * @throws FanfoldError `outside_task`
   */
  static current(): QueueName {
    const { queue, site } = requireCall("QueueName.current()");
    return new QueueName(parseQueueName(queue, { site }));
  }
  toString(): string {
    return formatQueueName(this);
  }
}
