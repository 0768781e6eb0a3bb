import { isGroupStep } from "../../core/plan/plan.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import { heldIn } from "../admission/backlog.ts";
import { parsePool } from "../admission/bulk-pool.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { type BacklogEntry, jobOrderOf, queryEntries } from "../items/backlog-items.ts";
import { queryDispatchers } from "../items/dispatcher-items.ts";
import { readHeader } from "../items/header-reads.ts";
import { readRuns } from "../items/run-reads.ts";
import type { RunView } from "../job-views.ts";
import { placeOf } from "../plan/step-placement.ts";
import { memberStrand } from "../plan/strands.ts";

/** Yields what a job has in backlogs, page by page. Reads nothing when no queue has a cap, and no task is a bulk task. */
async function* entriesOf(
  context: Context,
  root: Pick<Header, "jobId" | "createdAt">,
): AsyncGenerator<BacklogEntry, void, undefined> {
  const pools = context.registry.hasBulk?.() ? (await queryDispatchers(context)).map(({ queue }) => queue) : [];
  for (const queue of new Set([...Object.keys(context.config.caps ?? {}), ...pools]))
    for await (const entries of queryEntries(context, queue, { job: jobOrderOf(root) })) yield* entries;
}
/** Returns how many runs of a job are pending, by their group. */
export async function countPending(
  context: Context,
  root: Pick<Header, "jobId" | "createdAt">,
): Promise<ReadonlyMap<string, number>> {
  const byGroup = new Map<string, number>();
  for await (const entry of entriesOf(context, root)) {
    const { gid } = heldIn(entry);
    byGroup.set(gid, (byGroup.get(gid) ?? 0) + entry.members);
  }
  return byGroup;
}

/** Where a member waits: the members from..to-1 of a group at one place, or single ones. */
interface Pending {
  readonly gid: string;
  readonly entry: BacklogEntry;
  readonly from: number;
}
/**
 * Yields the pending runs of a job in the order of their groups and members, from the run after `after` on. They have no
 * rows, so the plan says what they are.
 */
export async function* pendingRuns(
  context: Context,
  root: Pick<Header, "jobId" | "createdAt">,
  after: { readonly gid: string; readonly index: number } | undefined,
): AsyncGenerator<RunView, void, undefined> {
  const waiting: Pending[] = [];
  for await (const entry of entriesOf(context, root)) {
    const held = heldIn(entry);
    waiting.push({ gid: held.gid, entry, from: held.kind === "expand" ? held.from : (held.members[0] ?? 0) });
  }
  waiting.sort((a, b) => (a.gid < b.gid ? -1 : a.gid > b.gid ? 1 : a.from - b.from));
  for (const { gid, entry } of waiting) {
    if (after && gid < after.gid) continue;
    const header = await readHeader(context, gid);
    if (!header || header.outcome) continue;
    const listed = await withRows(context, entry);
    for (const index of membersOf(entry, after?.gid === gid ? after.index + 1 : 0)) {
      if (listed.has(index)) continue;
      const view = await pendingRun(context, header, index, entry);
      if (view) yield view;
    }
  }
}
/** Returns the single members of an entry that have a row already, and are listed by it. */
async function withRows(context: Context, entry: BacklogEntry): Promise<ReadonlySet<number>> {
  const held = heldIn(entry);
  if (held.kind === "expand") return new Set();
  const refs = held.members.map((index) => ({ gid: held.gid, index, stepIndex: held.step }));
  const rows = await readRuns(context, refs);
  return new Set(held.members.filter((_, k) => rows[k] !== undefined));
}
function* membersOf(entry: BacklogEntry, from: number): Generator<number, void, undefined> {
  const held = heldIn(entry);
  if (held.kind === "members") return yield* held.members.filter((index) => index >= from);
  for (let index = Math.max(from, held.from); index < held.to; index++) yield index;
}
async function pendingRun(
  context: Context,
  header: Header,
  index: number,
  entry: BacklogEntry,
): Promise<RunView | undefined> {
  const held = heldIn(entry);
  const step = held.kind === "members" ? held.step : 0;
  const { gid, jobId, round } = header;
  const planned = (await memberStrand(context, header, index)).strand[step];
  if (planned === undefined || isGroupStep(planned)) return undefined;
  const place = placeOf(context, planned);
  const queue = parsePool(entry.queue)?.queue ?? entry.queue;
  if (place.queue !== queue || place.band !== entry.band) return undefined;
  const { stamps } = planned.options ?? {};
  return {
    runId: runIdOf(gid, index, step),
    jobId,
    groupId: gid,
    index,
    step,
    task: planned.task,
    status: "pending",
    round,
    attempt: 0,
    ...(stamps && { stamps }),
  };
}
