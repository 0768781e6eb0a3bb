import { isTerminal } from "../../core/plan/run-state.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { beginRound } from "../follow/wake-dependents.ts";
import type { Run } from "../item-kinds.ts";
import { readListed } from "../items/identity-list.ts";
import { readIdentities } from "../items/identity-items.ts";
import { advanceRefresh, beginRefresh, readRefresh, renewRefresh } from "../items/refresh-items.ts";
import { outdatedItself, versionHere } from "../items/versions.ts";
import { sendGeneral } from "../messages/send.ts";

/**
 * Makes the outdated ends of a task anew without waiting until somebody asks (docs/adr/0025). Only tasks that say
 * `refresh: "eager"` have such a pass:
 *
 *     sweep of a process with a higher version than that of the last pass -> item of the task -> message
 *     message: a page of the list -> rounds begun -> item advanced -> next message
 *
 * The item says how far the pass is. So a message that is delivered twice goes on there, and the sweep sends a lost one
 * again. A run that has not ended is left: its end is outdated for whoever asks next.
 */
const PAGE = 100;
const AT_ONCE = 16;
/** A pass whose item was not advanced for so long has lost its message. */
const LOST_AFTER_MS = 5 * 60_000;

/** Begins the passes that this release owes, and sends the messages of lost ones. One read for each eager task. */
export async function sweepRefreshes(context: Context): Promise<void> {
  for (const task of context.registry.names?.() ?? []) {
    if (context.registry.info(task)?.refresh !== "eager") continue;
    const version = versionHere(context, task);
    const now = context.clock.now();
    const seen = await readRefresh(context, task);
    const isLost = seen?.version === version && seen.until !== undefined && seen.until < now;
    const begins =
      !seen || seen.version < version
        ? await beginRefresh(context, task, version, now + LOST_AFTER_MS)
        : isLost && (await renewRefresh(context, task, seen, now + LOST_AFTER_MS));
    if (begins) await sendGeneral(context, { kind: "refresh", task, version });
  }
}
/** Handles one page of a pass. A process of an earlier release leaves it to the sweep of a later one. */
export async function refreshPage(context: Context, task: string, version: number): Promise<void> {
  const seen = await readRefresh(context, task);
  if (seen?.version !== version || seen.until === undefined || versionHere(context, task) !== version) return;
  const { gids, next } = await readListed(context, task, seen, PAGE);
  let begun = 0;
  const identities = gids.length > 0 ? await readIdentities(context, gids) : [];
  await eachBounded(identities, AT_ONCE, async (identity) => {
    if (identity && (await refresh(context, identity.run))) begun++;
  });
  const until = context.clock.now() + LOST_AFTER_MS;
  const at = { begun: seen.begun + begun, until, ...(next && { next }) };
  if ((await advanceRefresh(context, task, seen, at)) && next)
    await sendGeneral(context, { kind: "refresh", task, version });
}
async function refresh(context: Context, run: Run): Promise<boolean> {
  const [outdated] = outdatedItself(context, run);
  if (!outdated || !isTerminal(run.status) || run.forgotten) return false;
  const taken = await beginRound(context, run, { why: { of: "version", ...outdated } });
  await follow(
    context,
    taken.map((each) => ({ kind: "run" as const, run: each })),
  );
  return true;
}
