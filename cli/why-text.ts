import type { Run } from "../functions/client/index.ts";
import { assertNever } from "../functions/core/errors.ts";

/** Says in words why a run has run, or why no code of it ran. */
export function whyText({ why, verified }: Pick<Run, "why" | "verified">): string {
  if (!why) return "";
  return `${reasonOf(why)}${verified ? "; all that it depends on came out equal, so its end holds and no code ran" : ""}`;
}
function reasonOf(why: NonNullable<Run["why"]>): string {
  switch (why.of) {
    case "first":
      return "it runs for the first time";
    case "retry":
      return "its job was retried";
    case "input":
      return `the step before it, ${why.runId}, ran again`;
    case "version":
      return `${why.task} has version ${why.to}, and the end was made by ${why.from}`;
    case "dependency":
      return `the end of ${why.runId} has changed`;
    case "declared":
      return "a dependency was declared that it had not";
    case "asked":
      return "somebody asked for it to run again";
    case "removed":
      return "it had been removed before";
    case "failure":
      return `its end before was a failure${why.reason === undefined ? "" : ` (${why.reason})`}`;
    case "tier":
      return `it had failed ${why.failures} times in a row, and its task runs again by tiers`;
    case "age":
      return "its end before was older than who asked allows";
    case "expiry":
      return "its end before would have been removed before the job that asked";
    case "shared":
      return `it waits for ${why.runId}, which runs for all who ask`;
    case "reused":
      return `it took the end of ${why.runId}, which was there already`;
    default:
      return assertNever(why);
  }
}
