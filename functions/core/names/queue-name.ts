import { FanfoldError } from "../errors.ts";
import { LIMITS } from "../limits.ts";

/**
 * The queue that work waits in, and the kind of worker that serves it. The text form is `london.highpriority#custom`.
 * It may change, so use the functions below instead of parsing it.
 */
export interface QueueName {
  readonly site: string;
  readonly queue: string;
  readonly function: QueueFunction;
}

/**
 * Kinds of worker. `worker` runs workflow tasks, `discovery` walks and lists, `custom` runs tasks of plugins.
 * `interactive` and `settings` exist on the default queue only.
 */
export const QUEUE_FUNCTIONS = ["worker", "discovery", "custom", "interactive", "settings"] as const;
/** One kind of worker. */
export type QueueFunction = (typeof QUEUE_FUNCTIONS)[number];

/** The queue that every site has. */
export const DEFAULT_QUEUE = "default";
/** The kind of worker that a queue has by default. */
export const DEFAULT_FUNCTION: QueueFunction = "worker";
/** The queue of the engine's control messages. It belongs to no site, so no signature can name it. */
export const ENGINE_QUEUE = "engine";

/**
 * Receives after which a queue gives a message up. Waiting for leases and outages counts as receives, so this is far
 * above any number of attempts.
 */
export const MAX_RECEIVES = 20;

/** Values for the parts that a short form leaves out. */
export interface QueueDefaults {
  readonly site: string;
  readonly queue?: string;
  readonly function?: QueueFunction;
}

const DEFAULT_QUEUE_FUNCTIONS: ReadonlySet<string> = new Set(["interactive", "settings"]);
const PART = /^[A-Za-z0-9_-]+$/;
const TEXT = /^(?:(?:(?<site>[^.#]*)\.)?(?<queue>[^.#]+))?(?:#(?<function>[^.#]*))?$/;

/**
 * Returns the text form with all three parts: `london.default#worker`.
 * @throws FanfoldError `invalid_queue_name`
 */
export function formatQueueName(name: QueueName): string {
  const text = `${name.site}.${name.queue}#${name.function}`;
  checkParts(name, text);
  return text;
}

/**
 * Reads `site.queue#function` and the short forms `queue`, `site.queue`, `queue#function` and `#function`.
 * @throws FanfoldError `invalid_queue_name`, with `details.field` when `field` is given
 */
export function parseQueueName(text: string, defaults: QueueDefaults, field?: string): QueueName {
  if (typeof text !== "string" || text === "") throw invalid("must be a text that is not empty", "", field);
  if (text.length > LIMITS.nameCharacters)
    throw invalid(`has more than ${LIMITS.nameCharacters} characters`, text, field);
  const parts = TEXT.exec(text)?.groups;
  if (parts === undefined) throw invalid("has another form than site.queue#function", text, field);
  const name = {
    site: parts["site"] ?? defaults.site,
    queue: parts["queue"] ?? defaults.queue ?? DEFAULT_QUEUE,
    function: (parts["function"] ?? defaults.function ?? DEFAULT_FUNCTION) as QueueFunction,
  };
  checkParts(name, text, field);
  return name;
}

/** Returns whether a text can be the name of a site or a queue. */
export const isQueuePart = (text: string): boolean => PART.test(text) && text.length <= LIMITS.nameCharacters;
/**
 * Returns the full name of a queue at a site, whatever site it names itself. `asked` may be a short form.
 * @throws FanfoldError `invalid_queue_name`
 */
export const queueAtSite = (asked: string | undefined, site: string): string =>
  formatQueueName({ ...parseQueueName(asked ?? DEFAULT_QUEUE, { site }), site });

/**
 * Checks that a queue, in full text form, is one of `known`. `what` names it: `task a`, or the pointer of a field.
 * @throws FanfoldError `unknown_queue`
 */
export function requireQueue(queue: string, known: readonly string[], what: string, field?: string): void {
  if (known.includes(queue)) return;
  throw new FanfoldError(
    "unknown_queue",
    `${what} names the queue ${queue}, which no site in fanfold.config.ts has; it has ${known.join(", ")}`,
    { details: { queue, ...(field !== undefined && { field }) } },
  );
}

function checkParts(name: QueueName, text: string, field?: string): void {
  for (const part of ["site", "queue"] as const) {
    if (!PART.test(name[part]))
      throw invalid(`has a ${part} with other characters than letters, digits, _ and -`, text, field);
  }
  if (name.queue === ENGINE_QUEUE)
    throw invalid(`names the queue "${ENGINE_QUEUE}", which is the engine's own`, text, field);
  if (!QUEUE_FUNCTIONS.includes(name.function))
    throw invalid(`has a function that is none of ${QUEUE_FUNCTIONS.join(", ")}`, text, field);
  if (DEFAULT_QUEUE_FUNCTIONS.has(name.function) && name.queue !== DEFAULT_QUEUE) {
    throw invalid(`asks for the function ${name.function}, which only the queue "${DEFAULT_QUEUE}" has`, text, field);
  }
}

function invalid(problem: string, text: string, field: string | undefined): FanfoldError {
  const shown = text.slice(0, LIMITS.nameCharacters).toWellFormed();
  return new FanfoldError("invalid_queue_name", `queue name ${JSON.stringify(shown)} ${problem}`, {
    details: { queue: shown, ...(field !== undefined && { field }) },
  });
}
