import { FanfoldError } from "../functions/core/errors.ts";
import type { Json } from "../functions/client/index.ts";
import { jsonOrText } from "./start-work.ts";

/**
 * Reads a value of the command line: JSON if it is valid JSON, else text. Text that begins like JSON but is not valid
 * is a typing error, so it is refused.
 */
export function readValue(text: string): Json {
  const value = jsonOrText(text);
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
