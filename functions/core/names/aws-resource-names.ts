import { FanfoldError } from "../errors.ts";
import type { Band } from "../plan/priority-band.ts";
import {
  DEFAULT_FUNCTION,
  DEFAULT_QUEUE,
  ENGINE_QUEUE,
  formatQueueName,
  parseQueueName,
  QUEUE_FUNCTIONS,
  type QueueFunction,
} from "./queue-name.ts";

/**
 * Physical names of the AWS resources of a deployment. Names are derived, never exported or looked up. So the stacks
 * and the running code agree without knowing each other, and sites can be added and removed alone. `prefix` names the
 * deployment.
 *
 * A name is its parts joined by `-`. When a part contains `-` itself, or the name would be too long, a hash of all
 * parts follows. So two resources never share a name.
 */
export const DEFAULT_PREFIX = "fanfold";

const MAX_QUEUE_CHARACTERS = 80;
const MAX_FUNCTION_CHARACTERS = 64;
/** Bucket names have lower case and at most 63 characters, of which account and region take 30. */
const PREFIX = /^[a-z][a-z0-9-]{0,29}[a-z0-9]$/;

/** Names of the resources that a deployment has once. */
export interface ResourceNames {
  readonly tasksTable: string;
  readonly callbacksTable: string;
  /** Queue of the engine's control messages. */
  readonly engineQueue: string;
  readonly engineDeadLetterQueue: string;
  /** Queue for events that EventBridge could not deliver. Nothing reads it. */
  readonly eventsDeadLetterQueue: string;
  /** The state machine that supervises jobs. */
  readonly supervisorStateMachine: string;
}

/**
 * Returns the names for a prefix.
 * @throws FanfoldError `invalid_request` for a prefix that AWS would not accept
 */
export function resourceNames(prefix: string): ResourceNames {
  checkPrefix(prefix);
  return {
    tasksTable: `${prefix}-tasks`,
    callbacksTable: `${prefix}-callbacks`,
    engineQueue: `${prefix}-engine`,
    engineDeadLetterQueue: `${prefix}-dead-letters-engine`,
    eventsDeadLetterQueue: `${prefix}-dead-letters-events`,
    supervisorStateMachine: `${prefix}-supervisor`,
  };
}

/**
 * Returns the name of the SQS queue for a queue in text form (`london.default#worker`) or for ENGINE_QUEUE. At most 80
 * characters.
 * @throws FanfoldError `invalid_queue_name`
 */
export function queueResourceName(prefix: string, queue: string): string {
  if (queue === ENGINE_QUEUE) return resourceNames(prefix).engineQueue;
  // A text form names its site. The empty default makes the parser refuse a short form without one.
  const name = parseQueueName(queue, { site: "" });
  return joined(prefix, [name.site, name.queue, name.function], MAX_QUEUE_CHARACTERS);
}

/**
 * Returns the name of the SQS queue of one priority band of a queue. The middle band has that of the queue itself. At
 * most 80 characters.
 * @throws FanfoldError `invalid_queue_name`
 */
export function bandResourceName(prefix: string, queue: string, band: Band): string {
  const suffix = BAND_SUFFIXES[band];
  if (suffix === undefined) return queueResourceName(prefix, queue);
  const name = parseQueueName(queue, { site: "" });
  return joined(prefix, [name.site, name.queue, name.function, suffix], MAX_QUEUE_CHARACTERS);
}
const BAND_SUFFIXES: Readonly<Record<Band, string | undefined>> = { 0: "low", 1: undefined, 2: "high" };

/**
 * Returns the text form of the queue that an SQS queue stands for, or ENGINE_QUEUE. Messages in a queue of dead letters
 * came from the engine's queue, or from the site's default queue. Returns undefined for any other queue, and for one
 * whose name had to be cut.
 */
export function queueOfResource(prefix: string, name: string): string | undefined {
  const { engineQueue, engineDeadLetterQueue } = resourceNames(prefix);
  if (name === engineQueue || name === engineDeadLetterQueue) return ENGINE_QUEUE;
  const inner = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1).replace(HASH_PART, "") : "";
  const parts = inner.split("-");
  const last = parts.at(-1) as QueueFunction;
  for (let cut = 1; cut < parts.length; cut++) {
    const site = parts.slice(0, cut).join("-");
    if (!PART.test(site)) continue;
    if (deadLetterQueueName(prefix, site) === name)
      return formatQueueName({ site, queue: DEFAULT_QUEUE, function: DEFAULT_FUNCTION });
    const ofBand = bandQueueOf(prefix, site, parts.slice(cut), name);
    if (ofBand !== undefined) return ofBand;
    const queue = parts.slice(cut, -1).join("-");
    if (!QUEUE_FUNCTIONS.includes(last) || !PART.test(queue) || queue === ENGINE_QUEUE) continue;
    if (joined(prefix, [site, queue, last], MAX_QUEUE_CHARACTERS) === name) return `${site}.${queue}#${last}`;
  }
  return undefined;
}
/** Returns the queue whose high or low band has this name. `parts` follow the name of the site. */
function bandQueueOf(prefix: string, site: string, parts: readonly string[], name: string): string | undefined {
  const kind = parts.at(-2) as QueueFunction;
  const queue = parts.slice(0, -2).join("-");
  const band = ([0, 2] as const).find((each) => BAND_SUFFIXES[each] === parts.at(-1));
  if (band === undefined || !QUEUE_FUNCTIONS.includes(kind) || !PART.test(queue) || queue === ENGINE_QUEUE)
    return undefined;
  const text = `${site}.${queue}#${kind}`;
  return joined(prefix, [site, queue, kind, BAND_SUFFIXES[band] as string], MAX_QUEUE_CHARACTERS) === name
    ? text
    : undefined;
}
const HASH_PART = /-[0-9a-z]{13}$/;
const PART = /^[A-Za-z0-9_-]+$/;

/** Returns the name of the queue of a site for messages that its workers could not handle. */
export function deadLetterQueueName(prefix: string, site: string): string {
  return joined(prefix, [site, "dead", "letters"], MAX_QUEUE_CHARACTERS);
}

/** Roles of the functions of a deployment. Each role has one function. */
export type DeploymentRole = "control" | "api" | "sweeper" | "supervisor" | "engine-dead-letter";
/** Returns the name of the function of a deployment in this role. */
export function functionResourceName(prefix: string, role: DeploymentRole): string {
  checkPrefix(prefix);
  return `${prefix}-${role}`;
}

/** Roles of the functions of a site. */
export type SiteRole = { readonly role: "worker"; readonly function: QueueFunction } | { readonly role: "dead-letter" };
/**
 * Returns the name of a function of a site, at most 64 characters: `fanfold-london-worker-custom`,
 * `fanfold-london-dead-letter`.
 */
export function siteFunctionName(prefix: string, site: string, role: SiteRole): string {
  return joined(
    prefix,
    role.role === "worker" ? [site, "worker", role.function] : [site, "dead", "letter"],
    MAX_FUNCTION_CHARACTERS,
  );
}

/** Returns the name of the bucket. Bucket names are global on AWS, so account and region are part of the name. */
export function bucketName(prefix: string, account: string, region: string): string {
  checkPrefix(prefix);
  return `${prefix}-${account}-${region}`;
}

function joined(prefix: string, parts: readonly string[], limit: number): string {
  checkPrefix(prefix);
  const name = [prefix, ...parts].join("-");
  if (name.length <= limit && !parts.some((part) => part.includes("-"))) return name;
  const hash = hashOf(JSON.stringify([prefix, ...parts]));
  return `${name.slice(0, limit - hash.length - 1)}-${hash}`;
}

function checkPrefix(prefix: string): void {
  if (PREFIX.test(prefix)) return;
  throw new FanfoldError(
    "invalid_request",
    `the deployment's prefix ${JSON.stringify(prefix)} must have 2 to 31 of a-z, 0-9 and -, and begin with a letter`,
    {
      details: { field: "/prefix" },
    },
  );
}

/** Returns 64 bits of FNV-1a in base 36, 13 characters. The hash keeps names distinct; it protects nothing. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  return hash.toString(36).padStart(13, "0");
}
