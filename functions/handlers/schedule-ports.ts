import { createCalendar } from "../calendar/calendar.ts";
import type { SchedulePorts } from "../engine/ports.ts";
import type { Workflows } from "../sdk/workflow.ts";

/** Returns what schedules need, for functions that fire or change them. Others do not load the calendar. */
export function schedulePortsOf(workflows: Workflows): SchedulePorts {
  return createCalendar((workflow, fields) => workflows.start(workflow, fields));
}
