import * as z from "zod";
import { checkScheduleName } from "../../core/schedule/read-schedule.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Engine } from "../../engine/contract.ts";
import { definedOf } from "../defined-of.ts";
import { readCanvas } from "../read-canvas.ts";
import { type Route, route } from "../route.ts";
import { schedule, scheduleBody, schedulePage, shownScheduleBody, triggered } from "../schedule-schemas.ts";
import { limit, scheduleCursor } from "../cursors.ts";

const params = z.strictObject({ name: z.string().max(LIMITS.nameCharacters) });
/** White space may be added to the JSON that is limited. */
const MOST_BYTES = 2 * LIMITS.scheduleBytes;

export const scheduleRoutes = [
  route({
    method: "GET",
    path: "/schedules",
    operation: "listSchedules",
    summary: "Schedules in the order of their names",
    query: z.strictObject({ limit, cursor: scheduleCursor }),
    replies: { 200: { description: "A page of them", schema: schedulePage } },
    handle: async ({ query }, { engine }) => Response.json(await engine.schedules(definedOf(query))),
  }),
  route({
    method: "GET",
    path: "/schedules/{name}",
    operation: "getSchedule",
    summary: "One schedule, with its next times",
    params,
    replies: { 200: { description: "The schedule", schema: schedule } },
    handle: async ({ params: { name } }, { engine }) => Response.json(await engine.schedule(name)),
  }),
  route({
    method: "PUT",
    path: "/schedules/{name}",
    operation: "putSchedule",
    summary: "Create or replace a schedule",
    description:
      "It fires at the times after this request: what was due and has not fired is left out. The same schedule again changes nothing. " +
      "A schedule of fanfold.config.ts is changed only there.",
    params,
    body: { kind: "json", schema: scheduleBody, shown: shownScheduleBody, maxBytes: MOST_BYTES },
    replies: {
      200: { description: "Replaced, or the same", schema: schedule },
      201: { description: "Created", schema: schedule },
    },
    async handle({ params: { name }, body }, { engine, registry }) {
      checkScheduleName(name, "{name}");
      const given: { readonly [field: string]: unknown } = body;
      if (given["canvas"] !== undefined) readCanvas(given["canvas"], registry, "/canvas");
      const put = await engine.putSchedule(name, body);
      return Response.json(put.schedule, {
        status: put.created ? 201 : 200,
        headers: { Location: `/schedules/${encodeURIComponent(name)}` },
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/schedules/{name}",
    operation: "deleteSchedule",
    summary: "Remove a schedule; its jobs go on",
    params,
    replies: { 200: { description: "Removed", schema: z.object({ deleted: z.literal(true) }) } },
    async handle({ params: { name } }, { engine }) {
      await engine.deleteSchedule(name);
      return Response.json({ deleted: true });
    },
  }),
  actionRoute({
    path: "/schedules/{name}/pause",
    operation: "pauseSchedule",
    summary: "Pause a schedule: times that come meanwhile do not fire",
    work: (engine, name) => engine.pauseSchedule(name, true),
  }),
  actionRoute({
    path: "/schedules/{name}/resume",
    operation: "resumeSchedule",
    summary: "Resume a schedule from the next time on",
    work: (engine, name) => engine.pauseSchedule(name, false),
  }),
  route({
    method: "POST",
    path: "/schedules/{name}/trigger",
    operation: "triggerSchedule",
    summary: "Fire a schedule now, also while it is paused",
    description: "Its overlap policy holds. The same Idempotency-Key fires it once.",
    params,
    idempotent: true,
    replies: { 200: { description: "The jobs", schema: triggered } },
    handle: async ({ params: { name }, idempotencyKey }, { engine }) =>
      Response.json(await engine.triggerSchedule(name, idempotencyKey)),
  }),
];

function actionRoute({
  work,
  ...spec
}: Pick<Route, "path" | "operation" | "summary"> & {
  readonly work: (engine: Engine, name: string) => Promise<unknown>;
}): Route {
  return route({
    ...spec,
    method: "POST",
    params,
    replies: { 200: { description: "The schedule", schema: schedule } },
    handle: async ({ params: { name } }, { engine }) => Response.json(await work(engine, name)),
  });
}
