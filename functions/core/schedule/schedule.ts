import type { Json, JsonObject } from "../json.ts";

/** When a schedule fires. A local time is that of `timeZone`, which is UTC by default. */
export type When =
  /** Fires every so many seconds of elapsed time, counted from `start`: a local time like `2026-03-29T08:00`. */
  | { readonly everySeconds: number; readonly start?: string; readonly timeZone?: string }
  /** Five fields, from minute to day of the week; six when seconds come first. */
  | { readonly cron: string; readonly timeZone?: string }
  /** The value of an RRULE of RFC 5545, whose DTSTART is `start`. */
  | { readonly rrule: string; readonly start: string; readonly timeZone?: string };

/**
 * What a firing does while the job before has not ended. `skip` leaves the firing out, `queue` starts it when that job
 * has ended and keeps at most one, `cancel` cancels that job, and `allow` starts a second job beside it.
 */
export const OVERLAPS = ["skip", "queue", "allow", "cancel"] as const;
export type Overlap = (typeof OVERLAPS)[number];
/**
 * What becomes of times at which nobody could fire. `one` makes up for all of them with one job, `all` with a job each,
 * and `none` leaves out those that are late by more than five minutes.
 */
export const CATCH_UPS = ["one", "all", "none"] as const;
export type CatchUp = (typeof CATCH_UPS)[number];

/** A job for each of these values at every firing. `field` is the field of the workflow that is given the value. */
export type ForEach =
  | { readonly field: string; readonly values: readonly string[] }
  /** The sites of the deployment, as they are when the schedule fires. */
  | { readonly field: string; readonly sites: true };

/** What a schedule starts, and when. */
export interface ScheduleSpec {
  readonly when: When;
  /** Name of the workflow that is started, and its fields. */
  readonly workflow?: string;
  readonly fields?: JsonObject;
  /** What is started instead of a workflow: a canvas in wire form. */
  readonly canvas?: Json;
  /** Default `skip`. */
  readonly overlap?: Overlap;
  /** Default `one`. */
  readonly catchUp?: CatchUp;
  readonly forEach?: ForEach;
  /** The field of the workflow that is given the nominal time of the firing, like `2026-03-29T01:00:00.000Z`. */
  readonly timeField?: string;
  readonly timeoutSeconds?: number;
  /** `true` keeps the schedule from firing until it is resumed. */
  readonly paused?: boolean;
}
/** A schedule of fanfold.config.ts. */
export interface NamedSchedule extends ScheduleSpec {
  /** 1 to 100 letters, digits, `_`, `-` and `.`. */
  readonly name: string;
}

/** The firing that started a job. */
export interface FiredBy {
  readonly name: string;
  /** The nominal time, in milliseconds since the epoch. */
  readonly at: number;
  /** The value of `forEach` that the job is for. */
  readonly element?: string;
}
/** The element of a schedule without `forEach`. */
export const ONLY = "";
/** Returns for what a firing starts jobs: the values of `forEach`, or the one element of a schedule without it. */
export function elementsOf({ forEach }: ScheduleSpec, sites: readonly string[]): readonly string[] {
  if (!forEach) return [ONLY];
  return "sites" in forEach ? sites : forEach.values;
}
/** Returns the fields that the workflow is started with. `time` is the nominal time as a text. */
export function fieldsOf({ fields = {}, forEach, timeField }: ScheduleSpec, element: string, time: string): JsonObject {
  return {
    ...fields,
    ...(forEach && { [forEach.field]: element }),
    ...(timeField !== undefined && { [timeField]: time }),
  };
}
