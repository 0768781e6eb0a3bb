import { addCounts, carriedUp, countOf, type Counts } from "../../core/plan/counts.ts";
import { isGroupStep, type PlanStep, type TaskStep } from "../../core/plan/plan.ts";
import { runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isTerminal, type TerminalStatus } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { recheckDelayed } from "../groups/recheck-delayed.ts";
import { isRevokedById, revokedAttributes } from "../groups/revocations.ts";
import { type Header, ITEM_VERSION, ownedBy, type Run, type RunAttributes } from "../item-kinds.ts";
import { startedInPlace } from "../items/run-claims.ts";
import { duePart } from "../items/run-reads.ts";
import { createRuns } from "../items/run-writes.ts";
import { type Owing, sendRuns } from "../messages/send.ts";
import { expiresAtOf, notBeforeOf, packSize, queueOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import type { WorkList } from "./work-list.ts";

export function countsOf(run: Run): Counts {
  return run.counts ?? countOf(run.status as TerminalStatus);
}

/** Puts next steps (absent: ids are positional) and sends them, also those that stood there unfinished: their writer may have died before its send. */
export async function createNext(context: Context, next: readonly { run: Run; header: Header }[], list: WorkList): Promise<void> {
  if (next.length === 0) return;
  const now = context.clock.now();
  const rows = await all(next.map(({ run, header }) => nextRow(context, run, header, now)));
  const only = rows.length === 1 ? (rows[0] as NextRow) : undefined;
  // A step that was created as revoked does not run; whoever takes it may have read its group's header before that.
  const inPlace = only?.attributes.status === "queued" ? await list.inPlace?.take(only.ref, only.step) : undefined;
  if (only && inPlace) Object.assign(only.attributes, startedInPlace(context, inPlace.token, now));
  const written = await createRuns(context, rows).catch((error: unknown) => {
    inPlace?.release();
    throw error;
  });
  await recheckDelayed(
    context,
    rows.filter(({ delaySeconds }) => delaySeconds > 0),
  );
  const owing: Owing[] = [];
  written.forEach(({ run }, k) => {
    const { ref, queue, delaySeconds, header, step } = rows[k] as NextRow;
    const mine = inPlace !== undefined && run?.status === "started" && run.leaseOwner === inPlace.token;
    if (mine) list.inPlace?.run({ header, run, step: step as TaskStep, token: inPlace.token });
    else inPlace?.release();
    if (!run || mine) return;
    if (isTerminal(run.status)) list.push({ kind: "run", run });
    else if (run.due === undefined) owing.push({ ...ref, queue, delaySeconds });
  });
  await sendRuns(context, owing, packSize(context, Math.max(...next.map(({ header }) => header.memberCount ?? 1))));
}

interface NextRow {
  readonly ref: RunRef;
  readonly header: Header;
  readonly step: PlanStep;
  readonly attributes: Partial<RunAttributes>;
  readonly queue: string;
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
    carry: addCounts(run.carry, carriedUp(countsOf(run))),
    ...(isGroupStep(step) ? {} : { task: step.task }),
    ...(isRevokedById(header, ref) ? revokedAttributes(context) : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(notBefore === undefined ? {} : duePart(context, runIdOf(ref.gid, ref.index, ref.stepIndex), notBefore, now)),
  };
  return { ref, header, step, attributes, queue: queueOf(context, step), delaySeconds: notBefore === undefined ? 0 : (notBefore - now) / 1_000 };
}
