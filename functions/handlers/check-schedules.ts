import { nextTime } from "../calendar/calendar.ts";
import { FanfoldError, under } from "../core/errors.ts";
import { parseCanvas } from "../core/canvas/canvas-wire.ts";
import { elementsOf, fieldsOf, type NamedSchedule } from "../core/schedule/schedule.ts";
import { checkTasks } from "../api/read-canvas.ts";
import type { TaskRegistry } from "../core/task/invocation.ts";
import type { Workflows } from "../sdk/workflow.ts";

/**
 * Checks the schedules of a configuration at synth, as the engine does before it puts them.
 * @throws FanfoldError with `details.field` below `/schedules`
 */
export function checkSchedules(
  schedules: readonly NamedSchedule[],
  workflows: Pick<Workflows, "start">,
  tasks: TaskRegistry,
  sites: readonly string[],
): void {
  schedules.forEach((schedule, index) =>
    under(`/schedules/${index}`, () => {
      const now = Date.now();
      if (nextTime(schedule.when, now, now) === undefined)
        throw new FanfoldError("invalid_schedule", "/when never comes: there is no time after now", {
          details: { field: "/when" },
        });
      const time = new Date(now).toISOString();
      const { workflow } = schedule;
      if (workflow === undefined) return under("/canvas", () => checkTasks(parseCanvas(schedule.canvas), tasks));
      for (const element of elementsOf(schedule, sites))
        under("/fields", () => checkTasks(workflows.start(workflow, fieldsOf(schedule, element, time)).canvas, tasks));
    }),
  );
}
