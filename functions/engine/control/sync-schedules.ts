import { canonicalJson, type Json } from "../../core/json.ts";
import type { NamedSchedule } from "../../core/schedule/schedule.ts";
import type { Context } from "../context.ts";
import { allOf } from "../items/all-of.ts";
import { putConfigured, querySchedules, readConfigured, removeSchedule } from "../items/schedule-items.ts";
import { sendGeneral } from "../messages/send.ts";
import { checkConfigured, putSchedule } from "./schedules.ts";

/** Orders the schedules of the configuration to be put, when they are not those that were put last. One read. */
export async function orderSync(context: Context): Promise<void> {
  const { schedules } = context.config;
  if (schedules && (await readConfigured(context)) !== hashOf(context, schedules))
    await sendGeneral(context, { kind: "schedules" });
}
/**
 * Puts the schedules of the configuration, and removes those that are no longer in it. One that did not change is left
 * as it is, so a pause outlives a deploy. All are checked before one is put.
 * @throws FanfoldError what the start of a job would throw, with `details.field` below `/schedules`
 */
export async function syncSchedules(context: Context): Promise<void> {
  const { schedules } = context.config;
  if (!schedules) return;
  checkConfigured(context, schedules);
  const hash = hashOf(context, schedules);
  if ((await readConfigured(context)) === hash) return;
  for (const { name, ...spec } of schedules) await putSchedule(context, name, spec, "config");
  const names = new Set(schedules.map(({ name }) => name));
  for await (const page of allOf(({ cursor }) => querySchedules(context, 100, cursor)))
    for (const schedule of page.schedules)
      if (schedule.origin === "config" && !names.has(schedule.name)) await removeSchedule(context, schedule);
  await putConfigured(context, hash);
}
function hashOf(context: Context, schedules: readonly NamedSchedule[]): string {
  return context.ids.hash(canonicalJson(schedules as unknown as Json));
}
