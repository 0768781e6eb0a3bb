import type { Json } from "../../core/json.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import type { RunAttributes } from "../item-kinds.ts";
import { type CommitOutcome, commitRuns } from "../items/run-claims.ts";
import { sendRuns, turnOf } from "../messages/send.ts";
import { placeOf, queueOf } from "../plan/step-placement.ts";
import { resumeDeferred } from "../waits/deferred.ts";
import { commitSolos, soloEndOf } from "./commit-solo.ts";
import type { Attempt } from "./live-attempt.ts";
import { DONE, type MemberOutcome } from "./member-outcome.ts";
import type { Commit } from "./outcome-commit.ts";
import { rowlessEndOf } from "./unclaimed.ts";

/** An attempt whose user code has returned, and what its one commit writes. */
export interface EndedAttempt {
  readonly attempt: Attempt;
  readonly commit: Commit;
  /** Duration of the attempt. */
  readonly ms: number;
}

/**
 * Commits attempts that ended together, and does what must follow each commit at once. An attempt that lost its fence
 * never acknowledges, because another holder may rely on the same message.
 */
export async function commitAttempts(
  context: Context,
  ended: readonly EndedAttempt[],
): Promise<readonly MemberOutcome[]> {
  // Only the run of a root may end its job.
  if (ended.every(({ attempt }) => attempt.header.joins !== undefined)) return commitRows(context, ended);
  const ends = await Promise.all(
    ended.map(({ attempt, commit: { set, remove = [] } }) =>
      soloEndOf(context, attempt, set, [...clearedBy(attempt, set), ...remove]),
    ),
  );
  const applied = (
    await commitSolos(
      context,
      ends.filter((end) => end !== undefined),
    )
  ).values();
  const solo = new Set(ended.filter((_, k) => ends[k] && applied.next().value));
  if (solo.size === 0) return commitRows(context, ended);
  countAttempts(context, [...solo]);
  const rows = (
    await commitRows(
      context,
      ended.filter((each) => !solo.has(each)),
    )
  ).values();
  return ended.map((each) => (solo.has(each) ? DONE : (rows.next().value as MemberOutcome)));
}
/** Commits attempts whose ends are written to their rows, or to no row. */
async function commitRows(context: Context, ended: readonly EndedAttempt[]): Promise<readonly MemberOutcome[]> {
  const rowless = ended.map(({ attempt, commit }) =>
    attempt.unclaimed ? rowlessEndOf(attempt.header, attempt.run, commit.set) : undefined,
  );
  const kept = ended.filter((_, k) => !rowless[k]);
  const outcomes = await commitRuns(
    context,
    kept.map(({ attempt, commit: { set, remove } }) => {
      const { run, token, unclaimed = false } = attempt;
      return { claimed: run, token, unclaimed, set, remove: [...clearedBy(attempt, set), ...(remove ?? [])] };
    }),
  );
  const committed = new Set(kept.filter((_, k) => outcomes[k]?.kind === "committed"));
  countAttempts(
    context,
    ended.filter((each, k) => rowless[k] || committed.has(each)),
  );
  const rows = (
    await all(outcomes.map((outcome, k) => afterCommit(context, kept[k] as EndedAttempt, outcome)))
  ).values();
  return rowless.map((end) => (end ? { kind: "rowless", end } : (rows.next().value as MemberOutcome)));
}
/**
 * Adds committed attempts to the statistics. A run that is deferred has not begun, or waits within its code, so it is
 * counted when that goes on.
 */
function countAttempts(context: Context, ended: readonly EndedAttempt[]): void {
  const { statistics, clock } = context;
  const now = clock.now();
  for (const { attempt, commit, ms } of ended) {
    const { status, value, ownValue } = commit.set;
    if (status === undefined || status === "deferred") continue;
    const queue = queueOf(context, attempt.step);
    const terminal = isTerminal(status);
    statistics.add(now, attempt.step.task, queue, {
      attempts: 1,
      ms: Math.max(0, ms),
      bytes: attempt.bytes ?? bytesOf(value ?? ownValue),
      ...(terminal && { [status]: 1 }),
      ...(status === "retrying" && { retried: 1 }),
    });
    if (terminal) statistics.addQueue(now, queue, "runs");
  }
}
/** Returns the size of a small value as JSON, in characters. */
function bytesOf(value: Json | undefined): number {
  if (value === undefined) return 0;
  return typeof value === "string" ? value.length + 2 : JSON.stringify(value).length;
}
/**
 * Returns the attributes to remove with a commit. A run that has ended or waits for its children keeps neither its last
 * error nor a time at which it is due.
 */
function clearedBy({ run }: Attempt, set: Partial<RunAttributes>): string[] {
  const parked = run.parked === undefined || set.parked !== undefined ? [] : ["parked"];
  if (run.among !== undefined && set.among === undefined) parked.push("among");
  if (set.status === "retrying" || set.status === "queued" || set.status === "deferred") return parked;
  if (run.asked) parked.push("asked");
  if (run.edges !== undefined && set.edges === undefined) parked.push("edges");
  return [...parked, "failCount", "unreachable", "notBefore", "due", "dueShard", "error"].filter(
    (name) => !(name in set),
  );
}
async function afterCommit(
  context: Context,
  { attempt, commit }: EndedAttempt,
  { kind, run }: CommitOutcome,
): Promise<MemberOutcome> {
  if (kind === "fenced")
    return run && isTerminal(run.status) ? { kind: "ended", run } : { kind: "later", delaySeconds: 1 };
  if (isTerminal(run.status)) return { kind: "ended", run };
  const resumed = run.status === "deferred" ? await resumeDeferred(context, run) : undefined;
  if (resumed?.ended) return { kind: "ended", run: resumed.ended };
  if (run.status === "waiting") await resumeWaiting(context, run);
  else if (!resumed?.woken && commit.sendAfterSeconds !== undefined) {
    const owing = {
      gid: run.gid,
      index: run.index,
      stepIndex: run.stepIndex,
      ...placeOf(context, attempt.step),
      ...turnOf(attempt.header),
      delaySeconds: commit.sendAfterSeconds,
    };
    await sendRuns(context, [owing], 1);
  }
  return DONE;
}
