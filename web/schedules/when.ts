import type { Schedule } from "../../functions/client/index.ts";
import { formatDuration } from "../format.ts";

/** Says when a schedule fires, in the words of its spec. */
export function whenText({ when }: Pick<Schedule, "when">): string {
  const zone = when.timeZone ?? "UTC";
  if ("everySeconds" in when)
    return `every ${formatDuration(when.everySeconds * 1_000)}${when.start === undefined ? "" : ` from ${when.start} ${zone}`}`;
  return "cron" in when ? `${when.cron} ${zone}` : `${when.rrule} ${zone}`;
}
