import { errorData } from "../../core/task/error-data.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { commitAttempts } from "../attempt/commit-attempts.ts";
import { LiveAttempt } from "../attempt/live-attempt.ts";
import { commitOf } from "../attempt/outcome-commit.ts";
import { withReportsOf } from "../jobs/reported-items.ts";
import { unclaimedRun } from "../attempt/unclaimed.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import { endLeaseOp, returnClaims } from "../items/run-claims.ts";
import { readRun, readRuns } from "../items/run-reads.ts";
import { decodeMessage } from "../messages/wire.ts";
import { strandOf } from "../plan/strands.ts";
import type { Claim, HolderEnd } from "../worker-loop.ts";

/**
 * Ends the claims of a process that has ended, so that others can take its runs over immediately. Only the runs that
 * may have ended the process are suspects. The others are returned, and nothing is held against them.
 */
export async function endHolder(context: Context, { claims, culprits, why, unbegun }: HolderEnd): Promise<void> {
  const [only, another] = culprits ?? [];
  const culprit = another === undefined ? only : undefined;
  // What is failed below is sent again, and another process may claim it at once, unreported. So this comes first.
  if (unbegun) await returnUnreported(context, unbegun);
  if (why === "timeout" && culprit) await failTimedOut(context, culprit);
  const suspects = new Set(culprits ?? claims);
  const leased = claims.filter(({ unclaimed }) => !unclaimed);
  const innocent = leased.filter((claim) => !suspects.has(claim));
  await returnClaims(
    context,
    innocent.map((claim) => ({ run: claim, token: claim.token })),
  );
  const ended = leased.filter((claim) => suspects.has(claim));
  // The lease of a run that was failed above has ended with its attempt, so this write is refused then.
  if (ended.length > 0)
    await context.store.writeMany(
      ended.map((claim) => endLeaseOp(context, claim, { died: why === "died", proven: claim === culprit })),
    );
}

/**
 * Returns the claims that a process has written, but not reported to its supervisor. User code begins only after the
 * report, so these runs have not begun.
 */
async function returnUnreported(
  context: Context,
  { messages, tokens }: NonNullable<HolderEnd["unbegun"]>,
): Promise<void> {
  const refs = messages
    .map(decodeMessage)
    .flatMap((message) => (message?.kind === "members" ? [message] : message?.kind === "bulk" ? message.packs : []))
    .flatMap(({ gid, step, members }) => members.map((index) => ({ gid, index, stepIndex: step })));
  const rows = await readRuns(context, refs);
  await returnClaims(
    context,
    rows.flatMap((run) =>
      run?.status === "started" && run.leaseOwner !== undefined && !tokens.has(run.leaseOwner)
        ? [{ run, token: run.leaseOwner }]
        : [],
    ),
  );
}

/**
 * Ends the attempt of a run whose process was killed because the run was past its deadline and blocked it. The holder
 * is dead, so the supervisor writes in its place what the holder could not, under the holder's fence. The message of
 * the run is delivered again, and follows the run up.
 */
async function failTimedOut(context: Context, claim: Claim): Promise<void> {
  const header = await readHeader(context, claim.gid);
  if (!header) return;
  const step = (await strandOf(context, header, claim)).strand[claim.stepIndex];
  const info = context.registry.info(claim.task);
  if (!step || isGroupStep(step) || !info) return;
  const run = claim.unclaimed ? unclaimedRun(context, claim, header, step) : await readRun(context, claim);
  if (!run || run.attempt !== claim.attempt || (!claim.unclaimed && run.leaseOwner !== claim.token)) return;
  const attempt = new LiveAttempt({
    header,
    run,
    step,
    info,
    token: claim.token,
    unclaimed: claim.unclaimed,
    deadline: context.clock.now(),
    timeoutSeconds: step.options?.timeout ?? info.timeoutSeconds,
  });
  attempt.abort("deadline");
  const outcome = { kind: "failed", error: errorData(attempt.signal.reason) } as const;
  const commit = await commitOf(context, attempt, outcome, undefined, () => undefined);
  if (commit !== "lost") {
    const ms = context.clock.now() - (run.startedAt ?? context.clock.now());
    const set = await withReportsOf(context, run, commit.set);
    await commitAttempts(context, [{ attempt, commit: { ...commit, set }, ms }]);
  }
}
