import { FanfoldError } from "../functions/core/errors.ts";
import { jsonOrText } from "../functions/core/json-text.ts";
import type { Json } from "../functions/client/index.ts";

/**
 * Reads a value of the command line: JSON if it is valid JSON, else text, as is a number
 * with more digits than a number holds. Text that begins like JSON but is not valid
 * is a typing error, so it is refused.
 */
export function readValue(text: string): Json {
  const value = jsonOrText(text, "--value");
  if (value === text && /^\s*["[{]/.test(text))
    throw badCall(
      "--value",
      `--value ${text} begins like JSON but is none; quote it for the shell: --value '{"ok": true}'`,
    );
  return value;
}
export function badCall(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
