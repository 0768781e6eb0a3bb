import { FanfoldError } from "../errors.ts";
import { ENGINE_QUEUE, parseQueueName, type QueueFunction } from "./queue-name.ts";

/**
 * Physical names of what a deployment owns on AWS. They are derived, never exported or looked up, so that the stacks and the running code agree
 * without knowing each other, and sites come and go alone. `prefix` names the deployment.
 *
 * Two things never get one name: a name is its parts joined by `-`, and where a part contains `-` itself, or the whole would be too long, a hash
 * of all parts follows.
 */
export const DEFAULT_PREFIX = "fanfold";

const MAX_QUEUE_CHARACTERS = 80;
const MAX_FUNCTION_CHARACTERS = 64;
/** Buckets want lower case and at most 63 characters; account and region take 30 of them. */
const PREFIX = /^[a-z][a-z0-9-]{0,29}[a-z0-9]$/;

export interface ResourceNames {
  readonly tasksTable: string;
  readonly callbacksTable: string;
  /** Queue of the engine's control messages. */
  readonly engineQueue: string;
  readonly engineDeadLetterQueue: string;
  /** What EventBridge could not deliver; nothing reads it. */
  readonly eventsDeadLetterQueue: string;
  /** The state machine that supervises jobs. */
  readonly supervisorStateMachine: string;
}

/** Throws `invalid_request` for a prefix that is no name on AWS. */
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

/** Name of the SQS queue for a queue's text form (`london.default#worker`) or ENGINE_QUEUE; at most 80 characters. Throws `invalid_queue_name`. */
export function queueResourceName(prefix: string, queue: string): string {
  if (queue === ENGINE_QUEUE) return resourceNames(prefix).engineQueue;
  // A text form has all its parts: what it leaves out is taken from here, and refused as empty.
  const name = parseQueueName(queue, { site: "" });
  return joined(prefix, [name.site, name.queue, name.function], MAX_QUEUE_CHARACTERS);
}

/** One queue per site for what its workers could not handle. */
export function deadLetterQueueName(prefix: string, site: string): string {
  return joined(prefix, [site, "dead", "letters"], MAX_QUEUE_CHARACTERS);
}

/** What the functions of a deployment do; one of each. */
export type DeploymentRole = "control" | "api" | "sweeper" | "supervisor" | "engine-dead-letter";
export function functionResourceName(prefix: string, role: DeploymentRole): string {
  checkPrefix(prefix);
  return `${prefix}-${role}`;
}

/** What the functions of a site do. */
export type SiteRole = { readonly role: "worker"; readonly function: QueueFunction } | { readonly role: "dead-letter" };
/** At most 64 characters: `fanfold-london-worker-custom`, `fanfold-london-dead-letter`. */
export function siteFunctionName(prefix: string, site: string, role: SiteRole): string {
  return joined(prefix, role.role === "worker" ? [site, "worker", role.function] : [site, "dead", "letter"], MAX_FUNCTION_CHARACTERS);
}

/** Buckets share one namespace with the whole world, so account and region are part of the name. */
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
  throw new FanfoldError("invalid_request", `the deployment's prefix ${JSON.stringify(prefix)} must have 2 to 31 of a-z, 0-9 and -, and begin with a letter`, {
    details: { field: "/prefix" },
  });
}

/** 64 bits of FNV-1a in base 36, 13 characters: no secret, only apart. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  return hash.toString(36).padStart(13, "0");
}
