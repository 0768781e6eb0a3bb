import type { Json } from "../../functions/core/json.ts";
import type { Case } from "./cases.ts";

/** Options of a signature that are seconds from now. */
const SECONDS = new Set(["countdown", "expires"]);

/** Returns the case with all its times multiplied: countdowns, expiry, actions and waits. */
export function slowed(each: Case, times: number): Case {
  if (times === 1) return each;
  const { given, expected } = each;
  return {
    ...each,
    given: {
      ...given,
      canvas: withSeconds(given.canvas, (seconds) => seconds * times),
      ...(given.ops && { ops: withSeconds(given.ops, (seconds) => seconds * times) as typeof given.ops }),
      ...(given.call && { call: withSeconds(given.call, (seconds) => seconds * times) as typeof given.call }),
      ...(given.actions && {
        actions: given.actions.map((action) => (action[0] === "sleep" ? ["sleep", action[1] * times] : action)),
      }),
      ...(given.timeout !== undefined && { timeout: given.timeout * times }),
      ...(given.settle !== undefined && { settle: given.settle * times }),
    },
    expected: {
      ...expected,
      ...(expected.min_elapsed_s !== undefined && { min_elapsed_s: expected.min_elapsed_s * times }),
    },
  };
}

/** Returns the seconds until the first countdown or expiry ends. Returns Infinity when there is none. */
export function firstDue({ given }: Case): number {
  let earliest = Infinity;
  withSeconds([given.canvas, given.ops ?? [], given.call ?? {}] as Json, (seconds) => {
    earliest = Math.min(earliest, seconds);
    return seconds;
  });
  return earliest;
}

function withSeconds(value: unknown, change: (seconds: number) => number): Json {
  const inside = (each: unknown): Json => withSeconds(each, change);
  if (Array.isArray(value)) return value.map(inside);
  if (value === null || typeof value !== "object") return value as Json;
  const changed = ([name, each]: [string, unknown]): [string, Json] => [
    name,
    SECONDS.has(name) && typeof each === "number" ? change(each) : inside(each),
  ];
  return Object.fromEntries(Object.entries(value).map(changed));
}
