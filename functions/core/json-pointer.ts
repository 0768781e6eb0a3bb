/** Steps from the root of a JSON document: object keys and array indexes. */
export type JsonPath = readonly (string | number)[];

const SHOWN_KEY_CHARACTERS = 100;

/**
 * Returns the JSON pointer (RFC 6901) of `path` below `base`. Long keys are cut, so that an error about a huge key
 * stays small.
 */
export function jsonPointer(path: JsonPath, base = ""): string {
  let text = base;
  for (const step of path) text += `/${typeof step === "number" ? step : escapeKey(step)}`;
  return text;
}

function escapeKey(key: string): string {
  const shown = key.length > SHOWN_KEY_CHARACTERS ? `${key.slice(0, SHOWN_KEY_CHARACTERS)}…` : key;
  return shown.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}
