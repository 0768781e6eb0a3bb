import * as z from "zod";
import { LIMITS } from "../core/limits.ts";
import { CATCH_UPS, OVERLAPS } from "../core/schedule/schedule.ts";
import { components, json, milliseconds } from "./schemas.ts";

const timeZone = z.string().max(LIMITS.nameCharacters).optional().describe("Like Europe/Paris. Default UTC");
const start = z.string().max(LIMITS.nameCharacters).describe("The first local time, like 2026-03-29T08:00");
const when = z
  .union([
    z.object({ everySeconds: z.int().min(1).max(LIMITS.scheduleSeconds), start: start.optional(), timeZone }),
    z.object({ cron: z.string().describe("Minute, hour, day, month, day of the week"), timeZone }),
    z.object({ rrule: z.string().describe("The value of an RRULE of RFC 5545"), start, timeZone }),
  ])
  .register(components, { id: "When", description: "When a schedule fires" });
const forEach = z
  .union([
    z.object({ field: z.string(), values: z.array(z.string().min(1).max(100)).min(1).max(LIMITS.scheduleElements) }),
    z.object({ field: z.string(), sites: z.literal(true) }),
  ])
  .describe("A job for each of these values, or for each site, with the value in this field of the workflow");
const spec = {
  when,
  workflow: z.string().optional(),
  fields: z.record(z.string(), json).optional().describe("Fields of the workflow"),
  canvas: json.optional().describe("A canvas, which is started in place of a workflow"),
  overlap: z.enum(OVERLAPS).optional().describe("While the job before has not ended. Default skip"),
  catchUp: z.enum(CATCH_UPS).optional().describe("For times at which nobody could fire. Default one"),
  forEach: forEach.optional(),
  timeField: z.string().optional().describe("The field of the workflow that is given the nominal time"),
  timeoutSeconds: z.number().optional(),
};
/** The body stays unread here: core reads it (core/schedule/read-schedule.ts), and names the wrong field. */
export const scheduleBody = z.looseObject({});
export const shownScheduleBody = z
  .object({ ...spec, paused: z.boolean().optional().describe("true: it fires only once it is resumed") })
  .register(components, {
    id: "ScheduleSpec",
    description: "What a schedule starts, either a workflow or a canvas, and when",
  });

const element = z.string().optional().describe("The value of forEach");
const failed = { code: z.string(), message: z.string() };
export const schedule = z
  .object({
    name: z.string(),
    ...spec,
    origin: z.enum(["api", "config"]),
    state: z.enum(["active", "paused", "ended"]),
    createdAt: milliseconds,
    nextAt: milliseconds.optional(),
    upcoming: z.array(milliseconds).optional().describe("The next times, at most five. Not in lists"),
    lastAt: milliseconds.optional().describe("The last nominal time that has fired"),
    jobs: z.array(z.object({ jobId: z.string(), element })).describe("The newest job of each element"),
    queued: z.array(z.object({ at: milliseconds, element })).describe("Times whose jobs wait for the one before"),
    skipped: z.int().describe("Firings that were left out because the job before had not ended"),
    error: z
      .object({ ...failed, at: milliseconds })
      .optional()
      .describe("Why the last firing could not start a job"),
  })
  .register(components, { id: "Schedule" });
export const schedulePage = z
  .object({ items: z.array(schedule), cursor: z.string().optional() })
  .register(components, { id: "SchedulePage" });
export const triggered = z
  .object({
    jobs: z.array(z.object({ jobId: z.string(), element })),
    skipped: z.int().describe("Elements that were left out, because the job before has not ended"),
    queued: z.int().describe("Elements whose jobs wait for the end of the job before"),
    errors: z.array(z.object({ ...failed, element })),
  })
  .register(components, { id: "TriggeredSchedule" });
