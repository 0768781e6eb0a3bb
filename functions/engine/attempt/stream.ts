import type { Json } from "../../core/json.ts";
import type { Strand } from "../../core/plan/plan.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { TaskOutcome } from "../../core/task/invocation.ts";
import type { ItemCounts } from "../../core/task/item-counts.ts";
import type { StopSignal } from "../../core/task/stop-signal.ts";
import type { Context } from "../context.ts";
import { recheckEdges, sealGroup } from "../follow/seal-group.ts";
import { OPEN_HEIGHT } from "../groups/create-group.ts";
import { createPage, readLastPage, sendPage } from "../groups/pages.ts";
import { type Header, ownedBy, type PageCursor } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { createHeader, type HeaderWrite } from "../items/header-writes.ts";
import { childGroup, readRun } from "../items/run-reads.ts";
import { keepValue, loadValue } from "../items/values.ts";
import { checkBudget, OwnRuns } from "../jobs/spawn-budget.ts";
import { checkDepth } from "../plan/compile-child.ts";
import { readOrder, reopenGroup } from "../rounds/reopen-group.ts";
import type { Attempt } from "./live-attempt.ts";
import { stepsBehind } from "./steps-behind.ts";
import { PageCutter } from "./page-cutter.ts";

/**
 * What earlier attempts of a streaming run left in its open group (docs/protocol-rules.md, section 8). The owner pulls
 * its generator, cuts pages, and puts each as a member whose only step is a group. A later attempt adopts every page
 * it finds, and continues at the cursor of the last one. The group is sealed at the end.
 */
export interface OpenState {
  readonly pages: number;
  readonly at: PageCursor;
  /** Whether the group is sealed, by an attempt that died before its commit, or has decided. Nothing more is pulled. */
  readonly sealed: boolean;
  readonly made: Made;
}
/** What a streaming owner has made beside its pages. It is stored with the seal, so that another attempt can commit it. */
export interface Made {
  readonly ownValue?: Json | undefined;
  readonly ownItems?: Partial<ItemCounts> | undefined;
  readonly handedOn?: true | undefined;
}
export type Streamed =
  | { readonly kind: "sealed"; readonly made: Made }
  /** Back-pressure lasted for long, so the run gives up its slot and returns to its queue. */
  | { readonly kind: "yielded" }
  /** The generator threw. Its pages stay, and a later attempt continues after them. */
  | { readonly kind: "failed"; readonly outcome: TaskOutcome }
  | { readonly kind: "lost" };

/** Reads what earlier attempts of a streaming run left. Returns undefined when none of them opened a group. */
export async function readOpenState(context: Context, { run }: Attempt): Promise<OpenState | undefined> {
  const gid = childGroup(run);
  let header = await readHeader(context, gid);
  if (header && header.round < run.round)
    header = await reopenGroup(context, gid, run.round, await readOrder(context, gid, run.round), true);
  if (!header?.pages) return undefined;
  // A failure may decide the group before its seal. Then no more pages are needed.
  if (header.memberCount !== undefined || header.outcome !== undefined) {
    await recheckEdges(context, gid);
    const { ownItems, handedOn } = header;
    const made = { ownValue: await ownValueOf(context, header), ownItems, handedOn };
    return { pages: header.memberCount ?? 0, at: START, sealed: true, made };
  }
  const last = await readLastPage(context, gid);
  // The writer of the last page may have died before its send. All pages before it were sent before it was put.
  if (last?.status === "queued") await sendPage(context, gid, last.index);
  const at = last?.cursorAfter ?? START;
  return { pages: last ? last.index + 1 : 0, at, sealed: false, made: { handedOn: at.handedOn } };
}
const START: PageCursor = { skip: 0, items: 0 };

type Stream = Extract<TaskOutcome, { kind: "stream" }>;
/** Pulls the generator of a streaming task into pages until it ends, fails, or must stop. */
export async function streamPages(
  context: Context,
  attempt: Attempt,
  outcome: Stream,
  open: OpenState | undefined,
  abortedBy: () => string | undefined,
): Promise<Streamed> {
  const { run, signal } = attempt;
  checkDepth(run.gid);
  const { header } = await createOpenGroup(context, attempt, outcome);
  if (!header || header.round !== run.round) return { kind: "lost" };
  const cutter = new PageCutter(context, outcome.items, open?.at ?? START, signal, () => stepsBehind(context, attempt));
  const firstPage = open?.pages ?? 0;
  const own = new OwnRuns();
  try {
    let pulled = false;
    for (let page = firstPage; ;) {
      // A generator that was never pulled was not slow.
      if (signal.aborted) return abortedStream(abortedBy(), !pulled || page > firstPage);
      const room = await waitForRoom(context, header.gid, page, signal);
      if (room === "decided") return { kind: "sealed", made: {} };
      if (room === "aborted") return abortedStream(abortedBy(), true);
      if (room !== "room") return { kind: room };
      pulled = true;
      const cut = await cutter.next(page);
      if (cut.kind === "failed") return { kind: "failed", outcome: cut.outcome };
      if (cut.kind === "aborted") continue;
      if (cut.members.length > 0) await checkBudget(context, run, cut.members, own);
      if (cut.members.length > 0 && (await putOwnPage(context, attempt, header, page++, cut)) === "foreign")
        return { kind: "yielded" };
      if (cut.kind === "end") {
        const made = { ownValue: cut.value, ownItems: outcome.counted?.(), handedOn: cut.cursorAfter.handedOn };
        return await sealStream(context, attempt, header.gid, page, made);
      }
    }
  } finally {
    cutter.close();
  }
}
async function createOpenGroup(context: Context, { run, header }: Attempt, { policy }: Stream): Promise<HeaderWrite> {
  const owned = { ...ownedBy(header), round: run.round, joins: run.runId };
  return createHeader(context, childGroup(run), {
    ...owned,
    policy,
    tracking: "lazy",
    height: OPEN_HEIGHT,
    pages: true,
    expanded: true,
  });
}
/** Seals the group. What the owner made is kept with the seal, so an attempt that dies before its commit loses nothing. */
async function sealStream(
  context: Context,
  { run }: Attempt,
  gid: string,
  pages: number,
  made: Made,
): Promise<Streamed> {
  const { ownValue, ownItems, handedOn } = made;
  const name = `${run.jobId}/value/${run.runId}/${run.round}/${run.attempt}/own`;
  const kept = ownValue === undefined ? undefined : await keepValue(context, name, ownValue);
  const seal = { ...(kept && { ownValue: kept }), ...(ownItems && { ownItems }), ...(handedOn && { handedOn }) };
  await sealGroup(context, gid, pages, seal);
  return { kind: "sealed", made };
}
/**
 * Returns how an aborted stream ends. An owner that made progress continues later, and its timeout is no failed
 * attempt. An owner without progress would never end, so it fails.
 */
function abortedStream(reason: string | undefined, madeProgress: boolean): Streamed {
  if (reason === "stopped") return { kind: "yielded" };
  if (reason !== "deadline") return { kind: "lost" };
  if (madeProgress) return { kind: "yielded" };
  const error = {
    name: "TaskTimeout",
    message: "the generator yielded nothing within the task's timeout",
    reason: "task_timeout",
  };
  return { kind: "failed", outcome: { kind: "failed", error } };
}
async function ownValueOf(context: Context, header: Header): Promise<Json | undefined> {
  return header.ownValue === undefined ? undefined : loadValue(context, header.ownValue);
}

/** Number of pages, of 1 + 2 + 4 items, that are put before any child has started. */
const FIRST_PAGES = 3;
/** Milliseconds for which the owner holds its slot while no child has started. The children may wait for that slot. */
const FIRST_YIELD_MS = 1_000;

/**
 * Applies back-pressure. Page p waits until page p - openPages has ended, and the page after the first ones waits until
 * a child has started. After a while the owner yields its slot, so that owners cannot starve their own children.
 */
async function waitForRoom(
  context: Context,
  gid: string,
  page: number,
  signal: StopSignal,
): Promise<"room" | "decided" | "yielded" | "aborted"> {
  const started = context.clock.now();
  const limitMs = page === FIRST_PAGES ? FIRST_YIELD_MS : context.config.yieldSeconds * 1_000;
  for (let pause = 10; !signal.aborted; pause = Math.min(500, pause * 2)) {
    if (await hasRoom(context, gid, page)) return "room";
    // A page of a decided group may never end.
    if ((await readHeader(context, gid))?.outcome) return "decided";
    if (context.clock.now() - started >= limitMs) return "yielded";
    await context.clock.pause(pause);
  }
  return "aborted";
}
async function hasRoom(context: Context, gid: string, page: number): Promise<boolean> {
  if (page === FIRST_PAGES && !(await hasStarted(context, gid))) return false;
  const earlier = page - context.config.openPages;
  if (earlier < 0) return true;
  const run = await readRun(context, { gid, index: earlier, stepIndex: 0 });
  return !run || isTerminal(run.status);
}
async function hasStarted(context: Context, gid: string): Promise<boolean> {
  const first = await readRun(context, { gid, index: 0, stepIndex: 0 });
  if (!first || isTerminal(first.status)) return true;
  const child = await readRun(context, { gid: childGroup(first), index: 0, stepIndex: 0 });
  return child !== undefined && child.status !== "queued";
}

/**
 * Puts page `page`. Returns `foreign` when another attempt wrote that page from its own position. This attempt must
 * then start again after it.
 */
async function putOwnPage(
  context: Context,
  { run, token }: Attempt,
  header: Header,
  page: number,
  { members, cursorAfter }: { readonly members: readonly Strand[]; readonly cursorAfter: PageCursor },
): Promise<"put" | "foreign"> {
  const write = await createPage(context, header, page, `${run.runId}!${run.round}.${run.attempt}p${page}`, members, {
    cursorAfter,
    writer: token,
  });
  if (write?.run?.status === "queued") await sendPage(context, header.gid, page);
  return write?.applied || write?.run?.writer === token ? "put" : "foreign";
}
