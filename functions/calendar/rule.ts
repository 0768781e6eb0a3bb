import { RRuleTemporal } from "rrule-temporal";
import { invalidSchedule } from "../core/schedule/read-schedule.ts";
import { firstInstant, instantOf, localTimeAt } from "./time-zone.ts";

/** The parts of a rule, and what each may be. The library would leave out what it does not know. */
const list = (one: string): RegExp => new RegExp(`^(${one})(,(${one})){0,99}$`);
const PARTS: Readonly<Record<string, RegExp>> = {
  FREQ: /^(MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)$/,
  INTERVAL: /^[1-9]\d{0,3}$/,
  COUNT: /^[1-9]\d{0,3}$/,
  UNTIL: /^\d{8}T\d{6}Z?$/,
  WKST: /^(MO|TU|WE|TH|FR|SA|SU)$/,
  BYMINUTE: list(String.raw`[0-5]?\d`),
  BYHOUR: list(String.raw`[01]?\d|2[0-3]`),
  BYDAY: list(String.raw`([+-]?([1-9]|[1-4]\d|5[0-3]))?(MO|TU|WE|TH|FR|SA|SU)`),
  BYMONTHDAY: list(String.raw`[+-]?([1-9]|[12]\d|3[01])`),
  BYYEARDAY: list(String.raw`[+-]?([1-9]\d?|[12]\d\d|3[0-5]\d|36[0-6])`),
  BYWEEKNO: list(String.raw`[+-]?([1-9]|[1-4]\d|5[0-3])`),
  BYMONTH: list(String.raw`[1-9]|1[0-2]`),
  BYSETPOS: list(String.raw`[+-]?([1-9]\d?|[12]\d\d|3[0-5]\d|36[0-6])`),
};
/** Bounds of the search for one time, so that no rule keeps a server busy. */
const BOUNDS = { maxIterations: 10_000, maxCandidateEvaluations: 20_000 };
const BOUNDS_OF_SHORT = { maxIterations: 1_500, maxCandidateEvaluations: 20_000 };
const MOST_TIMES_OF_DAY = 24;

/**
 * Returns the next time of a rule of RFC 5545 that begins at a local time. Days and longer periods are counted on local
 * times, each of which then happens once. Hours and minutes are counted on elapsed time.
 */
export function nextOfRule(text: string, start: number, timeZone: string, after: number): number | undefined {
  const parts = readParts(text);
  const short = parts.get("FREQ") === "MINUTELY" || parts.get("FREQ") === "HOURLY";
  const until = parts.get("UNTIL");
  if (until !== undefined) parts.set("UNTIL", untilOf(until, short ? "UTC" : "local", timeZone));
  try {
    if (short) return nextOf(parts, start, timeZone, after, BOUNDS_OF_SHORT);
    // The library leaves a local time out that is skipped. So it counts in UTC, and the instant is found here.
    return firstInstant((local) => nextOf(parts, start, "UTC", local, BOUNDS), timeZone, after);
  } catch (error) {
    const { message } = error as Error;
    throw wrong(
      text,
      message.startsWith("Maximum") ? "it never fires, or only after a search that is too long" : message,
    );
  }
}
/** Returns the end of a rule with a `Z`, as the library wants it: in UTC, or the local time as if it were UTC. */
function untilOf(text: string, as: "UTC" | "local", timeZone: string): string {
  const given = Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)Z?$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Number.isNaN(given)) throw wrong(text, `UNTIL=${text} is no time`);
  if (text.endsWith("Z")) return `${compact(as === "UTC" ? given : localTimeAt(given, timeZone))}Z`;
  return `${compact(as === "UTC" ? instantOf(given, timeZone) : given)}Z`;
}
function nextOf(
  parts: ReadonlyMap<string, string>,
  start: number,
  timeZone: string,
  after: number,
  bounds: typeof BOUNDS,
): number | undefined {
  const rule = [...parts].map(([name, value]) => `${name}=${value}`).join(";");
  const rruleString = `DTSTART;TZID=${timeZone}:${compact(start)}\nRRULE:${rule}`;
  return new RRuleTemporal({ rruleString, ...bounds }).next(new Date(after))?.epochMilliseconds;
}

function readParts(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.trim().toUpperCase().split(";")) {
    const [name = "", value = ""] = part.split("=", 2);
    const form = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
    if (!form)
      throw wrong(text, `it has no part ${JSON.stringify(name)}; the parts are ${Object.keys(PARTS).join(", ")}`);
    if (parts.has(name)) throw wrong(text, `${name} is given twice`);
    if (part !== `${name}=${value}` || !form.test(value)) throw wrong(text, `${part} is not a value of ${name}`);
    parts.set(name, value);
  }
  if (!parts.has("FREQ")) throw wrong(text, "it needs a FREQ, for instance FREQ=DAILY");
  const countOf = (name: string): number => parts.get(name)?.split(",").length ?? 1;
  if (countOf("BYHOUR") * countOf("BYMINUTE") > MOST_TIMES_OF_DAY)
    throw wrong(text, `BYHOUR and BYMINUTE make more than ${MOST_TIMES_OF_DAY} times of a day`);
  if (parts.has("COUNT") && parts.has("UNTIL")) throw wrong(text, "COUNT and UNTIL exclude each other");
  return parts;
}
function compact(local: number): string {
  return new Date(local).toISOString().replaceAll(/[-:]|\.\d+Z$/g, "");
}
function wrong(text: string, why: string) {
  return invalidSchedule("/when/rrule", `/when/rrule ${JSON.stringify(text)} is no rule that can be followed: ${why}`);
}
