import { LIMITS } from "../../core/limits.ts";
import { cut } from "../../core/task/error-data.ts";
import type { ErrorData } from "../../core/task/invocation.ts";

const MESSAGE_CHARACTERS = 400;

/** Returns an error in the form that rows and headers keep: without its stack, and each text cut to its limit. */
export function shortError({ name, message, reason, retryable, details, cause }: ErrorData): ErrorData {
  return {
    name: cut(name, LIMITS.nameCharacters),
    message: cut(message, MESSAGE_CHARACTERS),
    ...(reason !== undefined && { reason: cut(reason, LIMITS.reasonCharacters) }),
    ...(retryable !== undefined && { retryable }),
    ...(details !== undefined && { details }),
    ...(cause !== undefined && { cause }),
  };
}
