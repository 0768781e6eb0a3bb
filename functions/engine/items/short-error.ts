import { LIMITS } from "../../core/limits.ts";
import { cut } from "../../core/task/error-data.ts";
import type { Json } from "../../core/json.ts";
import type { ErrorData } from "../../core/task/invocation.ts";

import type { RunError } from "../item-kinds.ts";

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
/** Returns a stored error as the value that a task is given in place of a result. */
export function errorValue(error: RunError): Json {
  return error as unknown as Json;
}
