import { FanfoldError } from "../errors.ts";
import { isPlainObject, measureJson } from "../json-check.ts";
import { jsonPointer } from "../json-pointer.ts";
import { canonicalJson, type Json, type JsonObject } from "../json.ts";
import { LIMITS } from "../limits.ts";

/**
 * A condition on a value, as data. `path` is a JSON pointer into the value (default: the whole value). `lt`, `le`, `gt`
 * and `ge` compare two numbers or two strings, and are false for all other types. `contains` tests for a substring or
 * for an element of a list. `truthy` follows JavaScript.
 */
export type ValueCondition =
  | { readonly is: "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "contains"; readonly value: Json; readonly path?: string }
  | { readonly is: "truthy" | "exists"; readonly path?: string }
  | { readonly all: readonly ValueCondition[] }
  | { readonly any: readonly ValueCondition[] }
  | { readonly not: ValueCondition };

const COMPARES: ReadonlySet<unknown> = new Set(["eq", "ne", "lt", "le", "gt", "ge", "contains"]);
const ASKS: ReadonlySet<unknown> = new Set(["truthy", "exists"]);
const MOST_LEVELS = 16;

/** Returns whether the condition holds for the value. Pure, so every worker that evaluates it gets the same answer. */
export function holds(condition: ValueCondition, value: Json): boolean {
  if ("all" in condition) return condition.all.every((each) => holds(each, value));
  if ("any" in condition) return condition.any.some((each) => holds(each, value));
  if ("not" in condition) return !holds(condition.not, value);
  const found = at(value, condition.path ?? "");
  switch (condition.is) {
    case "exists":
      return found !== undefined;
    case "truthy":
      return Boolean(found);
    case "eq":
      return found !== undefined && canonicalJson(found) === canonicalJson(condition.value);
    case "ne":
      return found === undefined || canonicalJson(found) !== canonicalJson(condition.value);
    case "contains":
      if (typeof found === "string") return typeof condition.value === "string" && found.includes(condition.value);
      return (
        Array.isArray(found) &&
        (found as readonly Json[]).some((each) => canonicalJson(each) === canonicalJson(condition.value))
      );
    default:
      return compares(condition.is, found, condition.value);
  }
}
function compares(is: "lt" | "le" | "gt" | "ge", left: Json | undefined, right: Json): boolean {
  const comparable =
    (typeof left === "number" && typeof right === "number") || (typeof left === "string" && typeof right === "string");
  if (!comparable) return false;
  const order = left < right ? -1 : left > right ? 1 : 0;
  return is === "lt" ? order < 0 : is === "le" ? order <= 0 : is === "gt" ? order > 0 : order >= 0;
}
/** Resolves a JSON pointer (RFC 6901). Returns undefined when nothing is there. */
function at(value: Json, pointer: string): Json | undefined {
  if (pointer === "") return value;
  let found: Json | undefined = value;
  for (const escaped of pointer.slice(1).split("/")) {
    const key = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as JsonObject)[key];
  }
  return found;
}

/**
 * Returns a checked copy of a condition of unknown origin.
 * @throws FanfoldError `invalid_canvas`
 */
export function readCondition(value: unknown, field: string, level = 0): ValueCondition {
  if (level > MOST_LEVELS) throw invalid(field, `is nested more than ${MOST_LEVELS} levels deep`);
  if (!isPlainObject(value)) throw invalid(field, 'must be a condition such as { is: "eq", value: 1 }');
  const { is, value: wanted, path, all, any, not, ...more } = value;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined)
    throw invalid(jsonPointer([unknown], field), "is not a key of a condition (is, value, path, all, any, not)");
  const forms = [is, all, any, not].filter((form) => form !== undefined);
  if (forms.length !== 1) throw invalid(field, "must have one of is, all, any, not");
  if (all !== undefined) return { all: readList(all, `${field}/all`, level) };
  if (any !== undefined) return { any: readList(any, `${field}/any`, level) };
  if (not !== undefined) return { not: readCondition(not, `${field}/not`, level + 1) };
  if (path !== undefined && (typeof path !== "string" || (path !== "" && !path.startsWith("/"))))
    throw invalid(`${field}/path`, "must be a JSON pointer");
  const where = path !== undefined && { path };
  if (ASKS.has(is)) return { is: is as "truthy" | "exists", ...where };
  if (!COMPARES.has(is)) throw invalid(`${field}/is`, "must be eq, ne, lt, le, gt, ge, contains, truthy or exists");
  measureJson(wanted, () => `${field}/value`, { code: "invalid_canvas", maxBytes: LIMITS.inlineBytes });
  return { is: is as "eq", value: wanted as Json, ...where };
}
function readList(value: unknown, field: string, level: number): readonly ValueCondition[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 100)
    throw invalid(field, "must be an array of 1 to 100 conditions");
  return value.map((each: unknown, index) => readCondition(each, `${field}/${index}`, level + 1));
}
function invalid(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_canvas", `${field} ${problem}`, { details: { field } });
}
