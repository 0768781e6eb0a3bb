import { FanfoldError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";

/** What is shown in place of a secret. */
const REDACTED = "[redacted]";
const MOST = 50;

/** The arguments of a call, as views show them. */
interface Call {
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
}

/** Checks the places that a task declares: JSON pointers below `/args` or `/kwargs`. */
export function readRedact(places: readonly string[], field: string): readonly string[] {
  if (!Array.isArray(places) || places.length > MOST) throw invalid(field, `must be a list of at most ${MOST} places`);
  for (const [at, place] of places.entries())
    if (typeof place !== "string" || !/^\/(args\/\d+|kwargs\/[^/]+)(\/[^/]*)*$/.test(place))
      throw invalid(
        `${field}/${at}`,
        `is no place in the arguments; write /kwargs/NAME or /args/0, and further keys behind`,
      );
  return places;
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", `${field} ${message}`, { details: { field } });
}

/** Returns a call with its secrets replaced. A place that it has not is left out. */
export function redacted(call: Call, places: readonly string[] = []): Call {
  return places.reduce<Call>((shown, place) => {
    const steps = place
      .slice(1)
      .split("/")
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    return without(shown as unknown as Json, steps) as unknown as Call;
  }, call);
}
function without(value: Json, [step, ...below]: readonly string[]): Json {
  if (step === undefined) return REDACTED;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return Number(step) < list.length ? list.with(Number(step), without(list[Number(step)] as Json, below)) : list;
  }
  const object = value as JsonObject;
  return Object.hasOwn(object, step) ? { ...object, [step]: without(object[step] as Json, below) } : object;
}
