import { carriedUp, mayHaveFailed } from "../../core/plan/counts.ts";
import { afterStep } from "../../core/plan/item-counters.ts";
import { isGroupStep, type PlanStep, type TaskStep } from "../../core/plan/plan.ts";
import { runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { countsOf } from "../groups/member-marks.ts";
import { isRevokedById } from "../groups/revocations.ts";
import { recheckDelayed } from "../groups/revoke-delayed.ts";
import { type Header, ITEM_VERSION, ownedBy, type Run, type RunAttributes } from "../item-kinds.ts";
import { revokedAttributes } from "../items/revoked-run.ts";
import { startedInPlace } from "../items/run-claims.ts";
import { isLive } from "../items/run-conditions.ts";
import { duePart } from "../items/run-reads.ts";
import { beginAnew, keepStep } from "../items/round-writes.ts";
import { createRuns, type RunWrite } from "../items/run-writes.ts";
import { noteRenewed } from "../jobs/progress.ts";
import { type Owing, sendRuns } from "../messages/send.ts";
import { expiresAtOf, notBeforeOf, packSize, type Place, placeOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { readOrder } from "../rounds/reopen-group.ts";
import type { Reservation, WorkList } from "./work-list.ts";

/**
 * Puts the next steps of these runs and sends them. Ids are positional, so a step that exists already is found. A step
 * that has not ended is sent again, because its writer may have died before the send. A single next step may be created
 * as started instead, and then needs no message.
 */
export async function createNext(
  context: Context,
  next: readonly { run: Run; header: Header }[],
  list: WorkList,
): Promise<void> {
  if (next.length === 0) return;
  const now = context.clock.now();
  const rows = await all(next.map(({ run, header }) => nextRow(context, run, header, now)));
  const reservation = await reserve(rows, list);
  const written = await createRuns(
    context,
    reservation ? rows.map((row) => asStarted(context, row, reservation, now)) : rows,
  ).catch((error: unknown) => {
    reservation?.release();
    throw error;
  });
  await recheckDelayed(
    context,
    rows.filter(({ delaySeconds }) => delaySeconds > 0),
  );
  const owing: Owing[] = [];
  const current = await all(written.map((write, k) => renewNext(context, write, rows[k] as NextRow)));
  current.forEach(({ run, ended }, k) => {
    const { ref, place, delaySeconds, header, step } = rows[k] as NextRow;
    if (reservation && run?.status === "started" && run.leaseOwner === reservation.token) {
      list.started.push({ header, run, step: step as TaskStep, reservation });
      return;
    }
    reservation?.release();
    if (!run) return;
    if (ended) list.push({ kind: "run", run: ended });
    else if (run.due === undefined)
      owing.push({ ...ref, ...place, delaySeconds: Math.max(delaySeconds, heldSeconds(context, run, header)) });
  });
  await sendRuns(context, owing, packSize(context, Math.max(...next.map(({ header }) => header.memberCount ?? 1))));
}
/**
 * Begins a step anew whose row is of an earlier round than the step before it, unless the round keeps it. A row that a
 * worker still holds stays; its message waits for the lease.
 */
async function renewNext(context: Context, write: RunWrite, { header, attributes, round }: NextRow): Promise<RunWrite> {
  const { run } = write;
  if (write.applied || !run || run.round >= round) return write;
  const keeps = isSuccess(run.status) && !mayHaveFailed(run.counts ?? {});
  if (keeps && (await readOrder(context, header.gid, header.round))?.keepDownstream)
    return keepStep(context, run, header.round, attributes.carry);
  const begun = await beginAnew(context, run, header.round, attributes);
  if (begun.applied) await noteRenewed(context, run, true, true);
  return begun.run && begun.run.round < round ? { ...begun, ended: undefined } : begun;
}

/** Returns how long a worker may still hold a row of an earlier round. */
function heldSeconds(context: Context, run: Run, header: Header): number {
  if (run.round >= header.round || !isLive(context, run)) return 0;
  return ((run.leaseUntil ?? 0) - context.clock.now()) / 1_000 + context.config.skewMarginSeconds;
}

/**
 * Reserves what a single next step needs to run in this process. A step that is created as revoked does not run,
 * whatever the reservation would find.
 */
async function reserve(rows: readonly NextRow[], list: WorkList): Promise<Reservation | undefined> {
  const [only] = rows;
  return rows.length === 1 && only?.attributes.status === "queued" ? list.reserve?.(only.ref, only.step) : undefined;
}
function asStarted(context: Context, row: NextRow, { token }: Reservation, now: number): NextRow {
  return { ...row, attributes: { ...row.attributes, ...startedInPlace(context, token, now) } };
}

interface NextRow {
  readonly ref: RunRef;
  readonly header: Header;
  /** The round of the step before. A row of an earlier round is void. */
  readonly round: number;
  readonly step: PlanStep;
  readonly attributes: Partial<RunAttributes>;
  readonly place: Place;
  readonly delaySeconds: number;
}
async function nextRow(context: Context, run: Run, header: Header, now: number): Promise<NextRow> {
  const ref = { gid: run.gid, index: run.index, stepIndex: run.stepIndex + 1 };
  const step = (await strandOf(context, header, run)).strand[ref.stepIndex];
  if (!step) throw new Error("unreachable: the caller checked the length of the strand");
  const notBefore = notBeforeOf(step, now);
  const expiresAt = expiresAtOf(step, now);
  const attributes: Partial<RunAttributes> = {
    ...ownedBy(header),
    v: ITEM_VERSION,
    status: "queued",
    round: header.round,
    attempt: 0,
    sentAt: now,
    carry: afterStep(run.carry, carriedUp(countsOf(run))),
    ...(!isGroupStep(step) && { task: step.task }),
    ...(isRevokedById(header, ref) && revokedAttributes(context)),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(notBefore !== undefined && duePart(context, runIdOf(ref.gid, ref.index, ref.stepIndex), notBefore, now)),
  };
  return {
    ref,
    header,
    round: run.round,
    step,
    attributes,
    place: placeOf(context, step),
    delaySeconds: notBefore === undefined ? 0 : (notBefore - now) / 1_000,
  };
}
