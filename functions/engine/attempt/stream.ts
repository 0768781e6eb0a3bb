import type { Json } from "../../core/json.ts";
import type { Strand } from "../../core/plan/plan.ts";
import { childGroupOf } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { TaskOutcome } from "../../core/task/invocation.ts";
import type { StopSignal } from "../../core/task/stop-signal.ts";
import type { Context } from "../context.ts";
import { recheckEdges, sealGroup } from "../follow/seal.ts";
import { OPEN_HEIGHT } from "../groups/create-group.ts";
import { createPage, sendPage } from "../groups/pages.ts";
import { type Header, ownedBy, type PageCursor, type Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { createHeader, type HeaderWrite } from "../items/header-writes.ts";
import { readLeaf, readRun } from "../items/run-reads.ts";
import { keepValue, loadValue } from "../items/values.ts";
import { checkDepth } from "../plan/compile-child.ts";
import type { Attempt } from "./held-attempt.ts";
import { PageCutter } from "./page-cutter.ts";

/**
 * Open groups (docs/protocol-rules.md, section 8). The owner pulls its generator, cuts pages, and puts each as a member whose only step is a group: the page row
 * is the plan log. A later attempt adopts every page it finds and goes on at the cursor of the last one. At the end the group is sealed.
 */
export interface OpenState {
  readonly pages: number;
  readonly at: PageCursor;
  /** The group is sealed, by an attempt that died before its commit, or has decided; nothing is pulled any more. */
  readonly sealed: boolean;
  readonly ownValue: Json | undefined;
}
export type Streamed =
  | { readonly kind: "sealed"; readonly ownValue: Json | undefined }
  /** Back-pressure held for long: give the slot away and come back. */
  | { readonly kind: "yielded" }
  /** The generator threw; the pages stand, and a later attempt goes on behind them. */
  | { readonly kind: "failed"; readonly outcome: TaskOutcome }
  | { readonly kind: "lost" };

/** What earlier attempts of a streaming run left; undefined: it never opened a group. */
export async function readOpenState(context: Context, { run }: Attempt): Promise<OpenState | undefined> {
  const gid = childGroupOf(run.runId);
  const header = await readHeader(context, gid);
  if (!header?.pages) return undefined;
  // Decided before it was sealed (a failure ended it): nothing more is wanted.
  if (header.memberCount !== undefined || header.outcome !== undefined) {
    await recheckEdges(context, gid);
    return { pages: header.memberCount ?? 0, at: START, sealed: true, ownValue: await ownValueOf(context, header) };
  }
  let last: Run | undefined;
  for (let leaf = 0; ; leaf++) {
    const runs = await readLeaf(context, gid, leaf);
    last = runs.at(-1) ?? last;
    if (runs.length < context.config.width) break;
  }
  // Whoever put the last page may have died before its send; those before it were sent before it was put.
  if (last?.status === "queued") await sendPage(context, gid, last.index);
  return { pages: last ? last.index + 1 : 0, at: last?.cursorAfter ?? START, sealed: false, ownValue: undefined };
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
  const cutter = new PageCutter(context, outcome.items, open?.at ?? START, signal);
  const firstPage = open?.pages ?? 0;
  try {
    let asked = false;
    for (let page = firstPage; ;) {
      // A generator that was not asked was not slow.
      if (signal.aborted) return abortedStream(abortedBy(), !asked || page > firstPage);
      const room = await waitForRoom(context, header.gid, page, signal);
      if (room === "decided") return { kind: "sealed", ownValue: undefined };
      if (room === "aborted") return abortedStream(abortedBy(), true);
      if (room !== "room") return { kind: room };
      asked = true;
      const cut = await cutter.next(page);
      if (cut.kind === "failed") return { kind: "failed", outcome: cut.outcome };
      if (cut.kind === "aborted") continue;
      if (cut.members.length > 0 && (await putPage(context, attempt, header, page++, cut)) === "foreign") return { kind: "yielded" };
      if (cut.kind === "end") return await sealStream(context, attempt, header.gid, page, cut.value);
    }
  } finally {
    cutter.close();
  }
}
async function createOpenGroup(context: Context, { run, header }: Attempt, { policy }: Stream): Promise<HeaderWrite> {
  const owned = { ...ownedBy(header), round: run.round, joins: run.runId };
  return createHeader(context, childGroupOf(run.runId), { ...owned, policy, tracking: "lazy", height: OPEN_HEIGHT, pages: true, expanded: true });
}
/** The value is kept with the seal, so that an attempt which dies before its commit loses nothing. */
async function sealStream(context: Context, { run }: Attempt, gid: string, pages: number, ownValue: Json | undefined): Promise<Streamed> {
  const name = `${run.jobId}/value/${run.runId}/${run.round}/${run.attempt}/own`;
  const kept = ownValue === undefined ? undefined : await keepValue(context, name, ownValue);
  await sealGroup(context, gid, pages, kept);
  return { kind: "sealed", ownValue };
}
/** An owner that made progress goes on later, and its time limit is no failed attempt. One without progress would never end, so it fails. */
function abortedStream(reason: string | undefined, madeProgress: boolean): Streamed {
  if (reason === "stopped") return { kind: "yielded" };
  if (reason !== "deadline") return { kind: "lost" };
  if (madeProgress) return { kind: "yielded" };
  const error = { name: "TaskTimeout", message: "the generator yielded nothing within the task's timeout", reason: "task_timeout" };
  return { kind: "failed", outcome: { kind: "failed", error } };
}
async function ownValueOf(context: Context, header: Header): Promise<Json | undefined> {
  return header.ownValue === undefined ? undefined : loadValue(context, header.ownValue);
}

/** Items of these pages are pulled before anything has begun: 1 + 2 + 4. */
const FIRST_PAGES = 3;
/** How long the owner holds its slot while no child has begun: it may be the one that they wait for. */
const FIRST_YIELD_MS = 1_000;

/**
 * Back-pressure: page p waits until page p - openPages has ended, and what comes after the first pages until a child has begun. After a while the owner yields
 * its slot, so that owners cannot starve their own children.
 */
async function waitForRoom(context: Context, gid: string, page: number, signal: StopSignal): Promise<"room" | "decided" | "yielded" | "aborted"> {
  const started = context.clock.now();
  const patience = page === FIRST_PAGES ? FIRST_YIELD_MS : context.config.yieldSeconds * 1_000;
  for (let pause = 10; !signal.aborted; pause = Math.min(500, pause * 2)) {
    if (await hasRoom(context, gid, page)) return "room";
    // A page of a decided group may never end.
    if ((await readHeader(context, gid))?.outcome) return "decided";
    if (context.clock.now() - started >= patience) return "yielded";
    await context.clock.pause(pause);
  }
  return "aborted";
}
async function hasRoom(context: Context, gid: string, page: number): Promise<boolean> {
  if (page === FIRST_PAGES && !(await hasBegun(context, gid))) return false;
  const behind = page - context.config.openPages;
  if (behind < 0) return true;
  const run = await readRun(context, { gid, index: behind, stepIndex: 0 });
  return !run || isTerminal(run.status);
}
async function hasBegun(context: Context, gid: string): Promise<boolean> {
  const first = await readRun(context, { gid, index: 0, stepIndex: 0 });
  if (!first || isTerminal(first.status)) return true;
  const child = await readRun(context, { gid: childGroupOf(first.runId), index: 0, stepIndex: 0 });
  return child !== undefined && child.status !== "queued";
}

/** Puts page `page`. `foreign` means that another attempt wrote that page, from where it stood, so this one must start again behind it. */
async function putPage(
  context: Context,
  { run, token }: Attempt,
  header: Header,
  page: number,
  { members, cursorAfter }: { readonly members: readonly Strand[]; readonly cursorAfter: PageCursor },
): Promise<"put" | "foreign"> {
  const write = await createPage(context, header, page, `${run.runId}!${run.round}.${run.attempt}p${page}`, members, { cursorAfter, writer: token });
  if (write?.run?.status === "queued") await sendPage(context, header.gid, page);
  return write?.applied || write?.run?.writer === token ? "put" : "foreign";
}
