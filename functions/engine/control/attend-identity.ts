import { isFailure, isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { beginRound } from "../follow/wake-dependents.ts";
import type { Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { isLive } from "../items/run-conditions.ts";
import { dueShardOf } from "../items/run-reads.ts";
import { attendLater, clearDue } from "../items/run-writes.ts";
import { versionHere } from "../items/versions.ts";
import { sendRun } from "../messages/send.ts";

/**
 * Looks after an identity that is in the index of due rows (docs/adr/0026). Nobody may wait for it:
 *
 *     failed, and its tier says so  ->  next round, IF it is the end that was read; its row stays due
 *     has not ended                 ->  its message is sent again, and its row is due later
 *
 * The end of a run takes its row from the index, or says when it runs again.
 */
export async function attendIdentity(context: Context, run: Run): Promise<void> {
  if (isTerminal(run.status)) return retryByTier(context, run);
  const age = (context.clock.now() - (run.sentAt ?? 0)) / 1_000;
  if (run.sends === undefined && age < context.config.resendSeconds) return;
  const header = await readHeader(context, run.gid);
  const wait = ((run.notBefore ?? 0) - context.clock.now()) / 1_000;
  if (header && !isLive(context, run)) await sendRun(context, header, run, Math.max(0, wait));
  return attendLater(context, run);
}
/** A process with a lower version leaves the run to one with the higher version, while there may be one. */
async function retryByTier(context: Context, run: Run): Promise<void> {
  const { due = 0, notBefore, failed, status, task = "", forgotten } = run;
  if (!isFailure(status) || notBefore === undefined || !failed || forgotten) return clearDue(context, run, due);
  const late = context.clock.now() - notBefore;
  if (late < 0) return;
  const info = context.registry.info(task);
  const lacks = !info || versionHere(context, task) < (run.version ?? 0);
  if (lacks && late < context.config.unknownTaskGraceSeconds * 1_000) return;
  // Its task is gone, or has tiers no more.
  if (!info?.tiers) return clearDue(context, run, due);
  const why = { of: "tier" as const, failures: failed.times };
  // It stays where it is in the index, which costs nothing, until it has ended.
  const place = { due, dueShard: dueShardOf(run.runId) };
  const taken = await beginRound(context, run, { why, ...place });
  await follow(
    context,
    taken.map((each) => ({ kind: "run" as const, run: each })),
  );
}
