import { FanfoldError } from "../../core/errors.ts";
import { isPlainObject } from "../../core/json-check.ts";
import type { Json } from "../../core/json.ts";
import { nearestName } from "../../core/names/nearest-name.ts";
import { itemProblem } from "../../core/task/path-item.ts";

/** States that a payload always names, in its order. */
const ALWAYS_NAMED = ["failures", "processed", "skipped"] as const;
/** All states of items, in the order of a payload. It names the last two only when items are in them. */
export const PATH_STATES = [...ALWAYS_NAMED, "aborted", "inprogress"] as const;
/**
 * How a path task leaves an item.
 * - `processed`: done. `skipped`: already as it should be. Both are handed to the next step.
 * - `failures`: an error prevented it. `aborted`: it was not processed, and later steps must not process it.
 * - `inprogress`: not finished when the task ended, which is rare.
 */
export type PathState = (typeof PATH_STATES)[number];
/** States whose items are handed to the next step. */
const HANDED_OVER: readonly PathState[] = ["processed", "skipped"];

/** Whether items in a state are handed to the next step. */
export const isHandedOver = (state: PathState): boolean => HANDED_OVER.includes(state);

/** One item of a path task. It need not be a file. */
export interface PathObject {
  /** The key of the item. */
  readonly path: string;
  /** Size in bytes. */
  readonly size?: number;
  /** Why the item is in its state. */
  readonly message?: Json;
  readonly [name: string]: Json | undefined;
}

/** What a path task returns, as it is stored. Further keys are kept. */
export interface PathPayload {
  readonly jobid: string | number;
  /** The items for the next step. */
  readonly paths: readonly PathObject[];
  readonly status: {
    readonly task: string;
    readonly input_paths: readonly PathObject[];
    readonly input_total: number;
    readonly summary: Readonly<Record<(typeof ALWAYS_NAMED)[number], number>> &
      Readonly<Partial<Record<PathState, number>>>;
    readonly details: Readonly<Record<(typeof ALWAYS_NAMED)[number], readonly PathObject[]>> &
      Readonly<Partial<Record<PathState, readonly PathObject[]>>>;
    /** When the task started, with an offset from UTC. */
    readonly started: string;
    /** Items that the task received and reported in no state. Absent when there are none. */
    readonly unreported?: readonly PathObject[];
  };
}
/** A payload as a task may return it: states without items may be left out, and `started` may be a Date. */
export interface GivenPayload {
  readonly jobid: string | number;
  readonly paths: readonly PathObject[];
  readonly status: {
    readonly task: string;
    readonly input_paths: readonly PathObject[];
    readonly input_total: number;
    readonly summary: Readonly<Partial<Record<PathState, number>>>;
    readonly details: Readonly<Partial<Record<PathState, readonly PathObject[]>>>;
    /** Text without an offset is in UTC. */
    readonly started: string | Date;
    readonly [name: string]: unknown;
  };
  readonly [name: string]: unknown;
}

/** What a payload is made of. */
interface Report {
  readonly task: string;
  readonly jobid: string | number;
  readonly inputs: readonly PathObject[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** The state of each item, in the order in which they were reported. */
  readonly reported: Iterable<{ readonly state: PathState; readonly item: PathObject }>;
}
/** Makes a payload. */
export function payloadOf({ task, jobid, inputs, startedAt, reported }: Report): PathPayload {
  const paths: PathObject[] = [];
  const details = new Map<PathState, PathObject[]>();
  for (const { state, item } of reported) {
    if (isHandedOver(state)) paths.push(item);
    const items = details.get(state);
    if (items === undefined) details.set(state, [item]);
    else items.push(item);
  }
  const status = {
    task,
    input_paths: inputs,
    input_total: inputs.length,
    summary: byState((state) => details.get(state)?.length ?? 0),
    details: byState((state) => details.get(state) ?? []),
    started: instantOf(new Date(startedAt).toISOString()),
  };
  return { jobid, paths, status };
}

/**
 * Returns the payload that a task has returned, with its keys in their order and the states that it left out. Adds the
 * items that it reported in no state.
 * @throws FanfoldError `invalid_payload`, whose `details.field` names the field
 */
export function readPayload(given: unknown, isHandedOn: (path: string) => boolean = () => false): PathPayload {
  const { jobid, paths, status, ...more } = objectAt(given, "");
  const {
    task,
    input_paths,
    input_total,
    summary,
    details,
    started,
    unreported: _own,
    ...others
  } = objectAt(status, "/status");
  const read = {
    jobid: jobidAt(jobid, "/jobid"),
    paths: pathsAt(paths, "/paths"),
    task: textAt(task, "/status/task"),
    inputs: pathsAt(input_paths, "/status/input_paths"),
    summary: summaryAt(summary, "/status/summary"),
    details: detailsAt(details, "/status/details"),
    started: startedAt(started, "/status/started"),
  };
  if (input_total !== read.inputs.length)
    throw invalid("/status/input_total", `must be ${read.inputs.length}, the length of input_paths`);
  for (const state of PATH_STATES) {
    const count = read.details.get(state)?.length ?? 0;
    if ((read.summary.get(state) ?? 0) !== count)
      throw invalid(`/status/summary/${state}`, `must be ${count}, the length of /status/details/${state}`);
  }
  const unreported = unreportedOf(read.inputs, read.details).filter(({ path }) => !isHandedOn(path));
  return {
    jobid: read.jobid,
    paths: read.paths,
    status: {
      task: read.task,
      input_paths: read.inputs,
      input_total: read.inputs.length,
      summary: byState((state) => read.details.get(state)?.length ?? 0),
      details: byState((state) => read.details.get(state) ?? []),
      started: read.started,
      ...(unreported.length > 0 && { unreported }),
      ...others,
    },
    ...more,
  };
}
/** Returns a value for each state that a payload names: all that have items, and the first three in any case. */
export function byState<Value extends number | readonly PathObject[]>(valueOf: (state: PathState) => Value) {
  const entries = PATH_STATES.map((state) => [state, valueOf(state)] as const);
  const named: readonly PathState[] = ALWAYS_NAMED;
  return Object.fromEntries(
    entries.filter(
      ([state, value]) => named.includes(state) || (value !== 0 && (value as { length?: number }).length !== 0),
    ),
  ) as Record<(typeof ALWAYS_NAMED)[number], Value> & Partial<Record<PathState, Value>>;
}
function unreportedOf(
  inputs: readonly PathObject[],
  details: ReadonlyMap<PathState, readonly PathObject[]>,
): readonly PathObject[] {
  const reported = new Set([...details.values()].flatMap((items) => items.map(({ path }) => path)));
  return inputs.filter(({ path }) => !reported.has(path));
}

/**
 * Reads a list of items.
 * @throws FanfoldError `invalid_payload`
 */
export function pathsAt(given: unknown, field: string): readonly PathObject[] {
  if (!Array.isArray(given)) throw invalid(field, "must be a list of objects with a path");
  return given.map((item, at) => pathAt(item, `${field}/${at}`));
}
/**
 * Reads an item.
 * @throws FanfoldError `invalid_payload`
 */
export function pathAt(given: unknown, field: string): PathObject {
  const wrong = itemProblem(given);
  if (wrong) throw invalid(`${field}${wrong.at}`, wrong.problem);
  return given as PathObject;
}
/**
 * Reads the name of a state.
 * @throws FanfoldError `invalid_payload`
 */
export function stateAt(given: unknown, field: string): PathState {
  if (PATH_STATES.includes(given as PathState)) return given as PathState;
  const nearest = typeof given === "string" ? nearestName(given.slice(0, 100), PATH_STATES) : undefined;
  throw invalid(
    field,
    `is none of ${PATH_STATES.join(", ")}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`,
  );
}
/** Reads the id of a job, which is a text or a number. */
export function jobidAt(given: unknown, field: string): string | number {
  if ((typeof given === "string" && given !== "") || Number.isFinite(given)) return given as string | number;
  throw invalid(field, "must be the jobid that the task received, a text or a number");
}
export function textAt(given: unknown, field: string): string {
  if (typeof given !== "string" || given === "") throw invalid(field, "must be a text that is not empty");
  return given;
}
export function invalid(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_payload", `${field || "the payload"} ${problem}`, { details: { field } });
}

function objectAt(given: unknown, field: string): Readonly<Record<string, unknown>> {
  if (isPlainObject(given)) return given;
  if (field !== "") throw invalid(field, "must be an object");
  throw invalid(field, "must be an object with jobid, paths and status: return status.dump()");
}
function summaryAt(given: unknown, field: string): ReadonlyMap<PathState, number> {
  return new Map(
    Object.entries(objectAt(given, field)).map(([name, count]) => {
      const state = stateAt(name, `${field}/${name}`);
      if (!Number.isSafeInteger(count) || (count as number) < 0)
        throw invalid(`${field}/${state}`, "must be a whole number from 0");
      return [state, count as number];
    }),
  );
}
function detailsAt(given: unknown, field: string): ReadonlyMap<PathState, readonly PathObject[]> {
  const details = new Map(
    Object.entries(objectAt(given, field)).map(([name, items]) => {
      const state = stateAt(name, `${field}/${name}`);
      return [state, pathsAt(items, `${field}/${state}`)];
    }),
  );
  for (const [at, { message }] of (details.get("failures") ?? []).entries())
    if (message !== undefined && !(Array.isArray(message) && message.every((reason) => typeof reason === "string")))
      throw invalid(`${field}/failures/${at}/message`, "must be a list of texts");
  return details;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?<offset>Z|[+-]\d\d:?\d\d)?$/;
function startedAt(given: unknown, field: string): string {
  const text = given instanceof Date && !Number.isNaN(given.getTime()) ? given.toISOString() : given;
  if (typeof text === "string" && INSTANT.test(text) && !Number.isNaN(Date.parse(text))) return instantOf(text);
  throw invalid(field, 'must be a date, or a text such as "2023-04-25T14:56:31+00:00"');
}
/** Returns an instant with a numeric offset, which more readers understand than the letter Z. */
export function instantOf(text: string): string {
  const offset = INSTANT.exec(text)?.groups?.["offset"];
  if (offset === undefined) return `${text}+00:00`;
  return offset === "Z" ? `${text.slice(0, -1)}+00:00` : text;
}
