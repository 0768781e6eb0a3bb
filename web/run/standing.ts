import type { Run } from "../../functions/client/index.ts";
import { formatExact, visibleLine } from "../format.ts";

/** Says in a sentence where a run stands. */
export function standingOf(run: Run): string {
  const { status, wait, unmet = [], attempt, error } = run;
  switch (status) {
    case "pending":
    case "queued":
      return "Its message is on its way to a worker, or lies in its queue.";
    case "deferred":
      return `${run.adopts ? "It" : "Its task"} waits for ${unmet.map(({ of, name, expiresAt }) => `${of} ${visibleLine(name)}${until(expiresAt)}`).join(", ")}. No worker is held.`;
    case "started":
      return `Attempt ${attempt} runs on a worker.`;
    case "retrying":
      return `Attempt ${attempt} failed. It will be tried again.`;
    case "waiting":
      if (!wait) return "It waits for the group that it has opened.";
      return `It waits for ${wait.of} ${visibleLine(wait.name)}${until(wait.expiresAt)}.`;
    case "success":
      return "It has ended well.";
    case "skipped":
      return "It has ended without work. That counts as success.";
    case "error":
      return `It failed${attempt > 1 ? ` ${attempt} times` : ""}, and its retries are used up.`;
    case "broken":
      return "It can never succeed as it is.";
    case "cancelled":
      return error?.message === undefined ? "It was cancelled." : `It was cancelled: ${visibleLine(error.message)}.`;
  }
}
function until(at: number | undefined): string {
  return at === undefined ? "" : ` until ${formatExact(at)}`;
}
