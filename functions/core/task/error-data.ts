import { FanfoldError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { toJson } from "../json-check.ts";
import type { Json } from "../json.ts";
import { causesOf, isConnectionError, isObject, read, readText } from "./error-causes.ts";
import type { ErrorCause, ErrorData, TaskOutcome } from "./invocation.ts";

/**
 * Converts a thrown value into data and never throws. The value may be an error, a string, null, or an object that
 * contains itself or has getters that throw. `reason` is the `reason` of the error, else its `code`, which Node, AWS
 * and Fanfold set. `retryable` is copied when it is a boolean, and `details` when they are JSON.
 */
export function errorData(thrown: unknown): ErrorData {
  if (!isObject(thrown)) return { name: "Error", message: cut(messageOf(thrown), LIMITS.errorMessageCharacters) };
  const stack = readText(thrown, "stack");
  const reason = reasonOf(thrown);
  const retryable = read(thrown, "retryable");
  const details = detailsOf(read(thrown, "details"));
  const cause = causeData(causesOf(thrown).slice(0, LIMITS.errorCauses));
  return {
    name: nameOf(thrown),
    message: cut(messageOf(thrown), LIMITS.errorMessageCharacters),
    ...(stack !== undefined && { stack: cut(stack, LIMITS.errorStackCharacters) }),
    ...(reason !== undefined && { reason }),
    ...(typeof retryable === "boolean" && { retryable }),
    ...(details !== undefined && { details }),
    ...(cause !== undefined && { cause }),
    ...(isConnectionError(thrown) && { connection: true }),
  };
}

function causeData([cause, ...further]: readonly unknown[]): ErrorCause | undefined {
  if (cause === undefined) return undefined;
  const reason = isObject(cause) ? reasonOf(cause) : undefined;
  const next = causeData(further);
  return {
    name: isObject(cause) ? nameOf(cause) : "Error",
    message: cut(messageOf(cause), LIMITS.causeMessageCharacters),
    ...(reason !== undefined && { reason }),
    ...(next !== undefined && { cause: next }),
  };
}
function nameOf(thrown: object): string {
  return cut(readText(thrown, "name") || "Error", LIMITS.nameCharacters);
}
function messageOf(thrown: unknown): string {
  const message = isObject(thrown) ? readText(thrown, "message") : typeof thrown === "string" ? thrown : undefined;
  return message ?? `${describe(thrown)} was thrown`;
}
function reasonOf(thrown: object): string | undefined {
  const reason = readText(thrown, "reason") ?? readText(thrown, "code");
  return reason === undefined ? undefined : cut(reason, LIMITS.reasonCharacters);
}
/**
 * Returns details as JSON. Longer ones are kept as the beginning of their text. Empty ones, and what is no JSON, are left
 * out.
 */
function detailsOf(details: unknown): Json | undefined {
  if (details === undefined || details === null) return undefined;
  try {
    const json = toJson(details, "details");
    const text = JSON.stringify(json);
    if (text === "{}") return undefined;
    return text.length <= LIMITS.errorDetailsCharacters ? json : cut(text, LIMITS.errorDetailsCharacters);
  } catch {
    return undefined;
  }
}

/**
 * Ends an attempt from within user code. It is thrown by calls of the task context (retry, skip, replace, fail), and by
 * the items of a streaming task, so that the reader of the items learns how the attempt ended. It also has the fields
 * of ErrorData, for code that knows errors only.
 */
export class OutcomeError extends Error {
  readonly outcome: TaskOutcome;
  readonly reason?: string;
  readonly retryable?: boolean;
  readonly details?: Json;
  constructor(outcome: TaskOutcome) {
    const error = "error" in outcome ? outcome.error : undefined;
    super(
      error?.message ?? `the attempt ends as ${outcome.kind}`,
      error?.cause === undefined ? undefined : { cause: error.cause },
    );
    this.name = error?.name ?? "OutcomeError";
    this.outcome = outcome;
    if (error?.stack !== undefined) this.stack = error.stack;
    if (error?.reason !== undefined) this.reason = error.reason;
    if (error?.retryable !== undefined) this.retryable = error.retryable;
    if (error?.details !== undefined) this.details = error.details;
  }
}

/**
 * Returns whether the value is an instance. `instanceof` may run code of the type, or of a proxy, so an error counts as
 * no.
 */
export function isInstance<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Returns whether a caught value is a FanfoldError, which user code may throw on purpose. */
export function isFanfoldError(value: unknown): value is FanfoldError {
  return isInstance(value, FanfoldError);
}

function describe(value: unknown): string {
  try {
    const json = typeof value === "object" && value !== null ? JSON.stringify(value) : undefined;
    return typeof value === "function" ? "a function" : (json ?? String(value));
  } catch {
    return "an object that cannot be read";
  }
}
/**
 * Returns at most this many characters. The result is well-formed, because half a surrogate pair could not be stored.
 */
export function cut(value: string, characters: number): string {
  return (value.length > characters ? `${value.slice(0, characters - 1)}…` : value).toWellFormed();
}
