import { isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import type { Run, RunAttributes } from "../item-kinds.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import { type CommitOutcome, commitRuns } from "../items/run-claims.ts";
import { sendRuns } from "../messages/send.ts";
import { queueOf } from "../plan/step-placement.ts";
import { resumeDeferred } from "../waits/deferred.ts";
import type { Attempt } from "./held-attempt.ts";
import { type Commit, NOT_SUSPECT } from "./outcome-commit.ts";
import { rowlessEndOf } from "./unclaimed.ts";

/** `done`: nothing of this message is left to do (waiting, or another message is on its way); `later`: never acknowledge. */
export type AttemptOutcome =
  | { readonly kind: "ended"; readonly run: Run }
  | { readonly kind: "thin"; readonly member: RowlessEnd }
  | { readonly kind: "done" }
  | { readonly kind: "later"; readonly delaySeconds: number };

/**
 * A port failed in the middle, the process must stop, or others of the batch took too long: nobody died, so claims are given back, if that much works, and no takeover
 * will count against the runs.
 */
export async function giveBack(context: Context, attempts: readonly Pick<Attempt, "run" | "token">[]): Promise<void> {
  const set = { status: "queued" as const, sentAt: context.clock.now() };
  const commits = attempts.map(({ run, token }) => ({ claimed: run, token, set, remove: NOT_SUSPECT }));
  await commitRuns(context, commits).catch(() => undefined);
}

/** The commits of attempts that ended together, and what must happen at once after each. A lost fence never acknowledges: the message may be the other holder's too. */
export async function commitAttempts(
  context: Context,
  ended: readonly { readonly attempt: Attempt; readonly commit: Commit }[],
): Promise<readonly AttemptOutcome[]> {
  const thin = ended.map(({ attempt, commit }) => (attempt.unclaimed ? rowlessEndOf(attempt.header, attempt.run, commit.set) : undefined));
  const kept = ended.filter((_, k) => !thin[k]);
  const outcomes = await commitRuns(
    context,
    kept.map(({ attempt: { run, token, unclaimed = false }, commit: { set, remove } }) => {
      return { claimed: run, token, unclaimed, set, remove: [...clearedBy(set), ...(remove ?? [])] };
    }),
  );
  const rows = await all(outcomes.map((outcome, k) => afterCommit(context, kept[k] as (typeof ended)[number], outcome)));
  return thin.map((member) => (member ? { kind: "thin", member } : (rows.shift() as AttemptOutcome)));
}
/** What an idle run is waiting for, and its last error, mean nothing to one that has ended or waits for its children. */
function clearedBy(set: Partial<RunAttributes>): string[] {
  if (set.status === "retrying" || set.status === "queued" || set.status === "deferred") return [];
  return ["failCount", "notBefore", "due", "dueShard", "error"].filter((name) => !(name in set));
}
async function afterCommit(
  context: Context,
  { attempt, commit }: { readonly attempt: Attempt; readonly commit: Commit },
  { kind, run }: CommitOutcome,
): Promise<AttemptOutcome> {
  if (kind === "fenced") return run && isTerminal(run.status) ? { kind: "ended", run } : { kind: "later", delaySeconds: 1 };
  if (isTerminal(run.status)) return { kind: "ended", run };
  if (run.status === "waiting") await resumeWaiting(context, run);
  else if (!(run.status === "deferred" && (await resumeDeferred(context, run))) && commit.sendAfterSeconds !== undefined) {
    const owing = { gid: run.gid, index: run.index, stepIndex: run.stepIndex, queue: queueOf(context, attempt.step), delaySeconds: commit.sendAfterSeconds };
    await sendRuns(context, [owing], 1);
  }
  return { kind: "done" };
}
