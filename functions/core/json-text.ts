import { FanfoldError } from "./errors.ts";
import { jsonPointer } from "./json-pointer.ts";
import type { Json } from "./json.ts";
import { LIMITS } from "./limits.ts";

/**
 * Reads JSON from outside. `JSON.parse` rounds whole numbers above 2^53 without a word, and of a key that is given twice
 * it keeps the last value. Both are refused here, with their place.
 */

/**
 * Returns the value of a text from outside. `what` names the text in an error about the whole of it, and `at` is the
 * JSON pointer of the text in the request.
 * @throws FanfoldError `invalid_json` or `too_deep`, with `details.field` when it is a part that is wrong
 */
export function parseJson(text: string, what: string, at = ""): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    if (cause instanceof RangeError) throw new FanfoldError("too_deep", `${what} is nested too deeply`, { cause });
    // V8 says what it met and where; of a long text it quotes a few characters only.
    throw new FanfoldError("invalid_json", `${what} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  checkJsonText(text, what, at);
  return value;
}

/**
 * Returns the value of a text that may be JSON: text when it is not, and also when it is a number that would be rounded.
 * @throws FanfoldError `invalid_json` for such a number, or a key given twice, inside an array or an object
 */
export function jsonOrText(text: string, what: string, at = ""): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  if (typeof value === "number") return isKept(text.trim()) ? value : text;
  checkJsonText(text, what, at);
  return value;
}

/** A container that is open at this point of the text. */
interface Open {
  /** Keys so far. Absent for an array. */
  readonly keys?: Set<string>;
  /** Key or index of the current value. */
  at: string | number;
}
/**
 * More levels than a request with a canvas and its arguments has. The limits of those are checked by who reads them;
 * this one bounds the stack of everybody else.
 */
const MOST_LEVELS = 2 * LIMITS.jsonDepth + 20;
const NUMBER = /-?[\d.eE+-]+/y;

/** Checks a text that is valid JSON. */
function checkJsonText(text: string, what: string, base: string): void {
  const open: Open[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    const inner = open.at(-1);
    const unit = text.charCodeAt(at);
    switch (unit) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (isKey && inner?.keys) {
          const key = keyOf(text, at, end);
          inner.at = key;
          if (inner.keys.has(key)) throw wrong(open, base, what, "is given twice; leave one of them out");
          inner.keys.add(key);
          isKey = false;
        }
        at = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        isKey = unit === OPEN_OBJECT;
        open.push(isKey ? { keys: new Set(), at: "" } : { at: 0 });
        if (open.length > MOST_LEVELS)
          throw new FanfoldError("too_deep", `${what} is nested more than ${MOST_LEVELS} levels deep`, {
            details: { field: base, maxDepth: MOST_LEVELS },
          });
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        break;
      case COMMA:
        if (inner && typeof inner.at === "number") inner.at++;
        else isKey = true;
        break;
      default: {
        if (unit !== MINUS && (unit < ZERO || unit > NINE)) break;
        NUMBER.lastIndex = at;
        const number = (NUMBER.exec(text) as RegExpExecArray)[0];
        if (!isKept(number)) {
          const shown = number.length > 40 ? `${number.slice(0, 40)}…` : number;
          throw wrong(open, base, what, `is ${shown}, which a JSON number does not hold; send it as text, in quotes`);
        }
        at += number.length - 1;
      }
    }
  }
}
const [QUOTE, COMMA, MINUS, ZERO, NINE] = [0x22, 0x2c, 0x2d, 0x30, 0x39];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Returns the index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
}
function keyOf(text: string, start: number, end: number): string {
  const key = text.slice(start + 1, end);
  return key.includes("\\") ? (JSON.parse(text.slice(start, end + 1)) as string) : key;
}
/** Whether a number comes back as it was written, if it is whole, and at all, if it is not. */
function isKept(number: string): boolean {
  if (/[.eE]/.test(number)) return Number.isFinite(Number(number));
  return number.length <= 15 || String(Number(number)) === number;
}
function wrong(open: readonly Open[], base: string, what: string, problem: string): FanfoldError {
  const field = jsonPointer(
    open.map(({ at }) => at),
    base,
  );
  return new FanfoldError("invalid_json", `${field || what} ${problem}`, { details: { field } });
}
