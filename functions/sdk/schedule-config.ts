import * as z from "zod";
import { nextTime } from "../calendar/calendar.ts";
import { FanfoldError } from "../core/errors.ts";
import { readNamedSchedule } from "../core/schedule/read-schedule.ts";
import type { NamedSchedule } from "../core/schedule/schedule.ts";
import { refuseRepeats } from "./refuse-repeats.ts";

export type { NamedSchedule };

/** A schedule of fanfold.config.ts. Its workflow is checked at synth, and at the start of one machine. */
const SCHEDULE = z.unknown().transform((value, context): NamedSchedule => {
  try {
    const schedule = readNamedSchedule(value);
    nextTime(schedule.when, 0, 0);
    return schedule;
  } catch (error) {
    if (!(error instanceof FanfoldError)) throw error;
    const { field } = error.details;
    const path = typeof field === "string" ? field.split("/").slice(1) : [];
    context.addIssue({ code: "custom", message: error.message, path });
    return z.NEVER;
  }
});
export const SCHEDULES = z
  .array(SCHEDULE)
  .default([])
  .superRefine((schedules, context) => refuseRepeats(schedules, ({ name }) => name, context));
