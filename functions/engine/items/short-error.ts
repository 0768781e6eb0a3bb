import { LIMITS } from "../../core/limits.ts";
import type { ErrorData } from "../../core/task/invocation.ts";

const MESSAGE_CHARACTERS = 400;

/** Returns an error in the form that rows and headers keep: without its stack, and each text cut to its limit. */
export function shortError({ name, message, reason, retryable }: ErrorData): ErrorData {
  return {
    name: name.slice(0, LIMITS.nameCharacters),
    message: message.slice(0, MESSAGE_CHARACTERS),
    ...(reason !== undefined && { reason: reason.slice(0, LIMITS.nameCharacters) }),
    ...(retryable !== undefined && { retryable }),
  };
}
