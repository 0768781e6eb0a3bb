import { FanfoldError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { ErrorData, TaskOutcome } from "./invocation.ts";

const REASON_CHARACTERS = 100;

/**
 * Turns whatever was thrown into data: errors, texts, null, objects that contain themselves or whose getters throw. Never throws.
 * `reason` is the error's own `reason`, else its `code` (Node, AWS and Fanfold set it); `retryable` is taken when it is a boolean.
 */
export function errorData(thrown: unknown): ErrorData {
  if ((typeof thrown !== "object" && typeof thrown !== "function") || thrown === null) {
    return { name: "Error", message: cut(typeof thrown === "string" ? thrown : `${describe(thrown)} was thrown`, LIMITS.errorMessageCharacters) };
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
 * Ends an attempt from within: thrown by the calls of a task's context (retry, skip, replace, fail) and by the items of a streaming task, so that
 * whoever pulls them learns how the attempt ended. Carries the fields of ErrorData too, for code that knows errors only.
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

/** `instanceof` runs code of its right side and, on a proxy, of its left. */
export function isInstance<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** For a catch clause: user code may throw a FanfoldError on purpose; anything else is only described. */
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
/** Well-formed, because a surrogate cut in half could not be stored. */
function cut(value: string, characters: number): string {
  return (value.length > characters ? `${value.slice(0, characters - 1)}…` : value).toWellFormed();
}
