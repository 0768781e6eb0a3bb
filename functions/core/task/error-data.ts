import { FanfoldError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { ErrorData, TaskOutcome } from "./invocation.ts";

const REASON_CHARACTERS = 100;

/**
 * Converts a thrown value into data and never throws. The value may be an error, a string, null, or an object that
 * contains itself or has getters that throw. `reason` is the `reason` of the error, else its `code`, which Node, AWS
 * and Fanfold set. `retryable` is copied when it is a boolean.
 */
export function errorData(thrown: unknown): ErrorData {
  if ((typeof thrown !== "object" && typeof thrown !== "function") || thrown === null) {
    return {
      name: "Error",
      message: cut(
        typeof thrown === "string" ? thrown : `${describe(thrown)} was thrown`,
        LIMITS.errorMessageCharacters,
      ),
    };
  }
  const name = text(thrown, "name");
  const stack = text(thrown, "stack");
  const reason = text(thrown, "reason") ?? text(thrown, "code");
  const retryable = read(thrown, "retryable");
  return {
    name: cut(name || "Error", LIMITS.nameCharacters),
    message: cut(text(thrown, "message") ?? `${describe(thrown)} was thrown`, LIMITS.errorMessageCharacters),
    ...(stack !== undefined && { stack: cut(stack, LIMITS.errorStackCharacters) }),
    ...(reason !== undefined && { reason: cut(reason, REASON_CHARACTERS) }),
    ...(typeof retryable === "boolean" && { retryable }),
  };
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
  constructor(outcome: TaskOutcome) {
    const error = "error" in outcome ? outcome.error : undefined;
    super(error?.message ?? `the attempt ends as ${outcome.kind}`);
    this.name = error?.name ?? "OutcomeError";
    this.outcome = outcome;
    if (error?.stack !== undefined) this.stack = error.stack;
    if (error?.reason !== undefined) this.reason = error.reason;
    if (error?.retryable !== undefined) this.retryable = error.retryable;
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

function read(object: object, key: string): unknown {
  try {
    return (object as { [key: string]: unknown })[key];
  } catch {
    return undefined;
  }
}
function text(object: object, key: string): string | undefined {
  const value = read(object, key);
  return typeof value === "string" ? value : undefined;
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
function cut(value: string, characters: number): string {
  return (value.length > characters ? `${value.slice(0, characters - 1)}…` : value).toWellFormed();
}
