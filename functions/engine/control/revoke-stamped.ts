import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { filterTexts, type StampFilter } from "../../core/plan/stamps.ts";
import type { Context } from "../context.ts";
import { endRevoked } from "../follow/end-revoked.ts";
import { follow } from "../follow/follow.ts";
import { withRootMarks } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import { walkRuns } from "../groups/walk-runs.ts";
import type { Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { addRevokedStamps } from "../items/header-writes.ts";
import { REVOKED } from "../items/revoked-run.ts";
import { sendControl } from "../messages/send.ts";

/** Rows that one message checks. */
const ROWS_PER_MESSAGE = 1_000;

/**
 * Revokes the runs of a job that carry certain stamps (docs/adr/0007). One write to the root header is the revocation,
 * for runs that exist and for later ones. Every worker that starts a run reads the root with the headers above the run.
 * The message only speeds up the end of idle and waiting runs, which the sweeper would find as well. Returns false when
 * the job had ended before.
 */
export async function revokeStamped(context: Context, jobId: string, filter: StampFilter): Promise<boolean> {
  const root = await readHeader(context, jobId);
  if (!root?.job) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const stamps = new Set(filterTexts(filter));
  check(stamps, root.revokedStamps);
  if (root.outcome) return false;
  const { header } = await addRevokedStamps(context, jobId, stamps);
  // The stored stamps decide, because the write may have been applied although its response was lost.
  if (!header || [...stamps].some((stamp) => !header.revokedStamps?.has(stamp))) return false;
  await sendControl(context, { kind: "revokeStamped", gid: jobId });
  return true;
}
function check(stamps: ReadonlySet<string>, revoked: ReadonlySet<string> = new Set()): void {
  if (stamps.size === 0)
    throw new FanfoldError("invalid_request", "name a stamp and its value", { details: { field: "?stamp" } });
  const long = [...stamps].find((stamp) => stamp.length > LIMITS.revokedStampCharacters);
  if (long !== undefined) {
    const message = `a stamp has at most ${LIMITS.revokedStampCharacters} characters to be revoked by: ${long.slice(0, 60)}...`;
    throw new FanfoldError("invalid_request", message, { details: { field: "?stamp" } });
  }
  if (new Set([...stamps, ...revoked]).size <= LIMITS.revokedStamps) return;
  const message = `at most ${LIMITS.revokedStamps} stamps of a job can be revoked: revoke the runs or groups by their ids, or cancel the job`;
  throw new FanfoldError("too_many_stamps", message, { details: { field: "?stamp", limit: LIMITS.revokedStamps } });
}

/**
 * Ends revoked runs that are idle or waiting. Holders end the running ones. A run without a row ends when the message
 * that would start it is handled. Idempotent.
 */
export async function applyStampRevocation(context: Context, jobId: string, after: string | undefined): Promise<void> {
  const root = await readHeader(context, jobId);
  if (!root?.revokedStamps || root.outcome) return;
  let seen = 0;
  for await (const { run, header, cursor } of walkRuns(context, jobId, after)) {
    if (isTerminal(run.status)) {
      // The process that ended the run may have died before its follow-up.
      if (run.error?.reason === REVOKED.reason && header.state !== "closed")
        await follow(context, [{ kind: "run", run }]);
    } else if (!header.outcome && (await isRevoked(context, withRootMarks(root, header), run)))
      await end(context, header, run);
    if (++seen >= ROWS_PER_MESSAGE) return sendControl(context, { kind: "revokeStamped", gid: jobId, after: cursor });
  }
}
async function end(context: Context, header: Parameters<typeof endRevoked>[1], run: Run): Promise<void> {
  const ended = await endRevoked(context, header, run, run);
  if (ended) await follow(context, [{ kind: "run", run: ended }]);
}
