import { FanfoldError } from "../errors.ts";
import { assertJson, isPlainObject } from "../json-check.ts";
import { LIMITS } from "../limits.ts";
import { nameProblem } from "../names/names.ts";
import { nearestName } from "../names/nearest-name.ts";
import { CATCH_UPS, type NamedSchedule, OVERLAPS, type ScheduleSpec } from "./schedule.ts";

type Fields = { readonly [name: string]: unknown };
type Read = (value: unknown, field: string) => void;

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
export const isScheduleName = (text: string): boolean => NAME.test(text);
/** Throws `invalid_schedule` for a text that cannot name a schedule. */
export function checkScheduleName(name: unknown, field = "/name"): asserts name is string {
  if (typeof name !== "string" || !NAME.test(name))
    throw invalidSchedule(
      field,
      `${field} names a schedule with 1 to 100 letters, digits, "_", "-" and ".", the first a letter or digit`,
    );
}

/**
 * Returns a schedule of unknown origin, checked but for what only a calendar, the workflows and the tasks know.
 * @throws FanfoldError `invalid_schedule`, with `details.field` as JSON pointer
 */
export function readSchedule(value: unknown): ScheduleSpec {
  assertJson(value, "", { code: "invalid_schedule", maxBytes: LIMITS.scheduleBytes });
  const spec = object(value, "", SPEC);
  if ((spec["workflow"] === undefined) === (spec["canvas"] === undefined))
    throw invalidSchedule("/workflow", "a schedule starts either a /workflow or a /canvas: give one of them");
  for (const name of ["fields", "forEach", "timeField"])
    if (spec["canvas"] !== undefined && spec[name] !== undefined)
      throw invalidSchedule(`/${name}`, `/${name} is for a workflow: define one that makes this canvas`);
  checkFields(spec);
  return value as unknown as ScheduleSpec;
}
/** Returns a schedule of a configuration, which carries its name. */
export function readNamedSchedule(value: unknown): NamedSchedule {
  if (!isPlainObject(value)) throw invalidSchedule("", "a schedule is an object");
  const { name, ...spec } = value as Fields;
  checkScheduleName(name);
  return { name, ...readSchedule(spec) };
}

const text: Read = (value, field) => {
  if (typeof value !== "string" || value === "" || value.length > LIMITS.nameCharacters)
    throw invalidSchedule(field, `${field} must be a text of 1 to ${LIMITS.nameCharacters} characters`);
};
const seconds: Read = (value, field) => {
  if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > LIMITS.scheduleSeconds)
    throw invalidSchedule(field, `${field} must be a whole number of seconds, 1 to ${LIMITS.scheduleSeconds}`);
};
const yes: Read = (value, field) => {
  if (value !== true) throw invalidSchedule(field, `${field} must be true, or left out`);
};
const oneOf =
  (choices: readonly string[]): Read =>
  (value, field) => {
    if (!choices.includes(value as string))
      throw invalidSchedule(field, `${field} must be one of ${choices.join(", ")}`);
  };
const values: Read = (value, field) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > LIMITS.scheduleElements)
    throw invalidSchedule(field, `${field} must be a list of 1 to ${LIMITS.scheduleElements} texts`);
  value.forEach((each: unknown, index) => {
    const at = `${field}/${index}`;
    if (typeof each !== "string" || each === "" || each.length > 100)
      throw invalidSchedule(at, `${at} must be a text of 1 to 100 characters`);
    if (value.indexOf(each) !== index) throw invalidSchedule(at, `${at} repeats an earlier value`);
  });
};
const WHEN = { everySeconds: seconds, cron: text, rrule: text, start: text, timeZone: text } as const;
const FOR_EACH = { field: text, values, sites: yes } as const;
const SPEC = {
  when: (value: unknown, field: string) => {
    const when = object(value, field, WHEN);
    const given = ["everySeconds", "cron", "rrule"].filter((name) => when[name] !== undefined);
    if (given.length !== 1)
      throw invalidSchedule(field, `${field} must have exactly one of everySeconds, cron and rrule`);
    if (given[0] === "rrule" && when["start"] === undefined)
      throw invalidSchedule(`${field}/start`, `${field}/start is missing: the local time of the first occurrence`);
    if (given[0] === "cron" && when["start"] !== undefined)
      throw invalidSchedule(`${field}/start`, `${field}/start is not for cron, which says itself when it fires`);
  },
  workflow: (value: unknown, field: string) => {
    const problem = nameProblem(value);
    if (problem !== undefined) throw invalidSchedule(field, `${field} ${problem}`);
  },
  fields: (value: unknown, field: string) => {
    if (!isPlainObject(value)) throw invalidSchedule(field, `${field} must be an object of the workflow's fields`);
  },
  canvas: () => undefined,
  overlap: oneOf(OVERLAPS),
  catchUp: oneOf(CATCH_UPS),
  forEach: (value: unknown, field: string) => {
    const each = object(value, field, FOR_EACH);
    if (each["field"] === undefined)
      throw invalidSchedule(
        `${field}/field`,
        `${field}/field is missing: the field of the workflow that is given the value`,
      );
    if ((each["values"] === undefined) === (each["sites"] === undefined))
      throw invalidSchedule(field, `${field} must have either values, or sites: true`);
  },
  timeField: text,
  timeoutSeconds: (value: unknown, field: string) => {
    if (typeof value !== "number" || !(value > 0))
      throw invalidSchedule(field, `${field} must be a number of seconds above 0`);
  },
  paused: (value: unknown, field: string) => {
    if (typeof value !== "boolean") throw invalidSchedule(field, `${field} must be true or false`);
  },
} as const;

/** Returns an object whose fields are all known and well formed. */
function object(value: unknown, field: string, known: { readonly [name: string]: Read }): Fields {
  if (!isPlainObject(value)) throw invalidSchedule(field, `${field || "a schedule"} must be an object`);
  const fields = value as Fields;
  for (const name of Object.keys(fields)) {
    if (Object.hasOwn(known, name)) continue;
    const nearest = nearestName(name, Object.keys(known));
    const at = `${field}/${name.slice(0, 100).toWellFormed()}`;
    throw invalidSchedule(at, `${at} is not known${nearest === undefined ? "" : `; did you mean ${nearest}?`}`);
  }
  for (const [name, read] of Object.entries(known)) {
    if (fields[name] !== undefined) read(fields[name], `${field}/${name}`);
    else if (name === "when")
      throw invalidSchedule(`${field}/when`, `${field}/when is missing: when the schedule fires`);
  }
  return fields;
}
/** A field of the workflow is given once. */
function checkFields(spec: Fields): void {
  const { fields = {}, forEach, timeField } = spec as unknown as ScheduleSpec;
  const taken = new Set(Object.keys(fields));
  for (const [name, at] of [
    [forEach?.field, "/forEach/field"],
    [timeField, "/timeField"],
  ] as const) {
    if (name === undefined) continue;
    if (taken.has(name)) throw invalidSchedule(at, `${at}: the field ${name} is given twice`);
    taken.add(name);
  }
}

export function invalidSchedule(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_schedule", message, { details: { field } });
}
