import { FanfoldError } from "../errors.ts";
import { isPlainObject, measureJson } from "../json-check.ts";
import { jsonPointer } from "../json-pointer.ts";
import type { JsonObject } from "../json.ts";
import { LIMITS } from "../limits.ts";
import { parseQueueName } from "../names/queue-name.ts";
import { checkRetry } from "../retry-policy.ts";
import { readLimit } from "../task/run-limits.ts";
import {
  type Dedupe,
  type FailurePolicy,
  type GraphOptions,
  type GroupOptions,
  type SignatureOptions,
  type Tracking,
  TRACKINGS,
} from "./canvas.ts";
import { readDependsOn } from "./depends-on.ts";

const REFUSAL = { code: "invalid_canvas" } as const;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
// Only the form of a queue name can be checked here: its placement is decided when the work is sent.
const ANY_SITE = { site: "site" };
/** One year, the longest that a job can live. */
const MAX_SECONDS = 31_536_000;
/** The latest time that a Date can hold, in milliseconds since the epoch. */
const MAX_TIME = 8_640_000_000_000_000;

/**
 * Returns a checked copy of the options of a signature, without fields that are undefined.
 * @throws FanfoldError `invalid_canvas`, `invalid_queue_name`
 */
export function readSignatureOptions(value: unknown, field: string): SignatureOptions {
  const options: Mutable<SignatureOptions> = {};
  for (const [key, given] of entriesOf(value, field)) {
    const at = jsonPointer([key], field);
    switch (key) {
      case "queue":
        if (typeof given !== "string") throw invalid(at, "must be a queue name");
        parseQueueName(given, ANY_SITE, at);
        options.queue = given;
        break;
      case "priority":
        options.priority = numberIn(given, 0, 9, at, true);
        break;
      case "countdown":
      case "expires":
        options[key] = numberIn(given, 0, MAX_SECONDS, at);
        break;
      case "timeout":
        options.timeout = numberIn(given, 0.001, MAX_SECONDS, at);
        break;
      case "eta":
        options.eta = numberIn(given, 0, MAX_TIME, at);
        break;
      case "retry":
        options.retry = checkRetry(given, at, "invalid_canvas");
        break;
      case "ignoreResult":
        if (typeof given !== "boolean") throw invalid(at, "must be true or false");
        options.ignoreResult = given;
        break;
      case "dedupe":
        options.dedupe = readDedupe(given, at);
        break;
      case "scope":
        options.scope = readScope(given, at);
        break;
      case "dependsOn":
        options.dependsOn = readDependsOn(given, at, readSignatureOptions);
        break;
      case "rateLimit":
        options.rateLimit = readLimit("rateLimit", given, at, REFUSAL);
        break;
      case "concurrency":
        options.concurrency = readLimit("concurrency", given, at, REFUSAL);
        break;
      case "locks":
        options.locks = readLimit("locks", given, at, REFUSAL);
        break;
      case "stamps":
      case "headers":
        options[key] = readMarks(given, at);
        break;
      default:
        throw invalid(
          at,
          "is not an option of a signature (queue, priority, countdown, eta, expires, timeout, retry, ignoreResult, dedupe, scope, dependsOn, rateLimit, concurrency, locks, stamps, headers)",
        );
    }
  }
  return options;
}

const SIGNATURE_OPTIONS: ReadonlySet<string> = new Set<keyof SignatureOptions>([
  "queue",
  "priority",
  "countdown",
  "eta",
  "expires",
  "timeout",
  "retry",
  "ignoreResult",
  "dedupe",
  "scope",
  "dependsOn",
  "rateLimit",
  "concurrency",
  "locks",
  "stamps",
  "headers",
]);
/**
 * Reads options in wire form. `stamped_headers` names the stamps among them; then other unknown names are headers of
 * the run. Without `stamped_headers` an unknown name is an error, since it is probably misspelt.
 * @throws FanfoldError `invalid_canvas`, `invalid_queue_name`
 */
export function readWireOptions(value: unknown, field: string): SignatureOptions {
  if (!isPlainObject(value) || value["stamped_headers"] === undefined) return readSignatureOptions(value, field);
  const { stamped_headers: stamped, ...given } = value;
  const at = `${field}/stamped_headers`;
  if (!Array.isArray(stamped) || stamped.some((name) => typeof name !== "string"))
    throw invalid(at, "must be an array of names");
  const own = stamped.find((name) => SIGNATURE_OPTIONS.has(name as string)) as string | undefined;
  if (own !== undefined)
    throw invalid(at, `names ${own}, which is an option of a signature: give the stamp another name`);
  const known = Object.entries(given).filter(([name]) => SIGNATURE_OPTIONS.has(name));
  const marks = Object.entries(given).filter(([name]) => !SIGNATURE_OPTIONS.has(name));
  const stamps = marks.filter(([name]) => stamped.includes(name));
  const headers = marks.filter(([name]) => !stamped.includes(name));
  return readSignatureOptions(
    {
      ...Object.fromEntries(known),
      stamps: Object.fromEntries(stamps),
      ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    },
    field,
  );
}
function readMarks(value: unknown, field: string): JsonObject {
  if (!isPlainObject(value)) throw invalid(field, "must be an object");
  measureJson(value, () => field, { code: "invalid_canvas", maxBytes: LIMITS.inlineBytes });
  return value as JsonObject;
}

const GROUP_OPTIONS: ReadonlySet<string> = new Set<keyof GroupOptions>(["policy", "tracking", "ttlSeconds"]);
/** Returns whether an option belongs to a group itself rather than to its members. */
export function isGroupOption(name: string): boolean {
  return GROUP_OPTIONS.has(name);
}
/**
 * Returns a checked copy of the options of a group.
 * @throws FanfoldError `invalid_canvas`
 */
export function readGroupOptions(value: unknown, field: string): GroupOptions {
  const options: Mutable<GroupOptions> = {};
  for (const [key, given] of entriesOf(value, field)) {
    const at = jsonPointer([key], field);
    if (key === "policy") options.policy = readFailurePolicy(given, at);
    else if (key === "tracking") options.tracking = readTracking(given, at);
    else if (key === "ttlSeconds") options.ttlSeconds = readTtlSeconds(given, at);
    else throw invalid(at, "is not an option of a group (policy, tracking, ttlSeconds)");
  }
  return options;
}
/**
 * Returns a checked copy of the options of a graph. Its members always have rows, so it takes no tracking.
 * @throws FanfoldError `invalid_canvas`
 */
export function readGraphOptions(value: unknown, field: string): GraphOptions {
  const { tracking, ...options } = readGroupOptions(value, field);
  if (tracking === undefined) return options;
  throw invalid(`${field}/tracking`, "is no option of a graph, whose nodes always have rows");
}

/**
 * Returns the seconds for which an ended group can be read, of unknown origin.
 * @throws FanfoldError `invalid_canvas`
 */
export function readTtlSeconds(value: unknown, field: string): number {
  return numberIn(value, 1, MAX_SECONDS, field, true);
}

/**
 * Returns a tracking level of unknown origin.
 * @throws FanfoldError `invalid_canvas`
 */
export function readTracking(value: unknown, field: string): Tracking {
  const tracking = TRACKINGS.find((each) => each === value);
  if (tracking === undefined) throw invalid(field, `must be one of ${TRACKINGS.join(", ")}`);
  return tracking;
}

/**
 * Returns what a signature or a task shares, of unknown origin.
 * @throws FanfoldError `invalid_canvas`
 */
export function readDedupe(value: unknown, field: string): Dedupe {
  if (value === "running" || value === "forever" || value === "none") return value;
  if (typeof value === "number" && value > 0 && value <= MAX_SECONDS) return value;
  throw invalid(field, `must be "running", "forever", "none" or a number of seconds above 0, at most ${MAX_SECONDS}`);
}
/**
 * Returns the name of those who share runs, of unknown origin.
 * @throws FanfoldError `invalid_canvas`
 */
export function readScope(value: unknown, field: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= LIMITS.nameCharacters) return value;
  throw invalid(field, `must be a text of 1 to ${LIMITS.nameCharacters} characters`);
}
/**
 * Returns a checked copy of a failure policy of unknown origin.
 * @throws FanfoldError `invalid_canvas`
 */
export function readFailurePolicy(value: unknown, field: string): FailurePolicy {
  if (value === "allSuccess" || value === "settled" || value === "failFast") return value;
  if (isPlainObject(value) && Object.keys(value).join() === "percent")
    return { percent: numberIn(value["percent"], 0, 100, `${field}/percent`) };
  if (!isPlainObject(value) || Object.keys(value).join() !== "threshold") {
    throw invalid(field, `must be "allSuccess", "settled", "failFast", { "threshold": n } or { "percent": n }`);
  }
  return { threshold: numberIn(value["threshold"], 0, Number.MAX_SAFE_INTEGER, `${field}/threshold`, true) };
}

function entriesOf(value: unknown, field: string): [string, unknown][] {
  if (!isPlainObject(value)) throw invalid(field, "must be an object");
  return Object.entries(value).filter(([, given]) => given !== undefined);
}
function numberIn(value: unknown, from: number, to: number, field: string, whole = false): number {
  if (typeof value === "number" && value >= from && value <= to && (!whole || Number.isInteger(value))) return value;
  throw invalid(field, `must be a ${whole ? "whole " : ""}number from ${from} to ${to}`);
}
function invalid(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_canvas", `${field} ${problem}`, { details: { field } });
}
