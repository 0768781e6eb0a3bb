import { FanfoldError } from "../functions/core/errors.ts";
import type { Json } from "../functions/client/index.ts";
import { jsonOrText } from "./start-work.ts";

/** A value on the command line: JSON if it is JSON, else text. What begins like JSON and is none is a slip, not a text. */
export function readValue(text: string): Json {
  const value = jsonOrText(text);
  if (value === text && /^\s*["[{]/.test(text))
    throw badCall("--value", `--value ${text} begins like JSON but is none; quote it for the shell: --value '{"ok": true}'`);
  return value;
}
export function badCall(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
