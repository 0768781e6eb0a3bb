import { tierDelaySeconds } from "../../core/tiers.ts";
import { isIdentity } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Run, RunAttributes } from "../item-kinds.ts";
import { metAt } from "./run-reads.ts";

/**
 * Returns what the write that ends an identity adds when it has failed, and its task has tiers (docs/adr/0026): how often
 * it has failed in a row, and when it runs again: `notBefore`, at which the sweep meets it in the index of due rows.
 */
export function tierPart(
  context: Pick<Context, "registry" | "clock" | "queue">,
  seen: Run,
  set: Partial<RunAttributes>,
): Partial<RunAttributes> {
  if (!isIdentity(seen.gid) || seen.forgotten) return {};
  const tiers = context.registry.info(set.task ?? seen.task ?? "")?.tiers;
  if (!tiers || !isRetried(set, tiers.broken === true)) return {};
  const version = set.version ?? seen.version ?? 0;
  const before = seen.failed?.version === version ? seen.failed.times : 0;
  // An end that still holds is no further failure.
  const times = set.verified ? Math.max(1, before) : before + 1;
  const delay = tierDelaySeconds(tiers, times);
  const failed = { failed: { times, version } };
  if (delay === undefined) return failed;
  const notBefore = context.clock.now() + delay * 1_000;
  return { ...failed, notBefore, ...metAt(context, seen.runId, notBefore) };
}
function isRetried({ status, error }: Partial<RunAttributes>, broken: boolean): boolean {
  if (status === "error") return true;
  if (status !== "broken" || HEALED_BY_OTHERS.has(error?.reason ?? "")) return false;
  return broken || KILLED.has(error?.reason ?? "");
}
/** Such a run runs again when what it depends on ends otherwise. */
const HEALED_BY_OTHERS: ReadonlySet<string> = new Set(["dependency_has_error", "dependency_cycle"]);
/** Reasons of the engine: the task itself has not said that it can never succeed. */
const KILLED: ReadonlySet<string> = new Set(["task_killed", "dead_letter", "unknown_task", "newer_version"]);
