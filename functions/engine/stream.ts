import { errorData, OutcomeError } from "../core/error-data.ts";
import type { StreamItem, TaskOutcome } from "../core/invocation.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import type { Strand } from "../core/plan.ts";
import { childGroupOf } from "../core/run-id.ts";
import { isTerminal } from "../core/run-state.ts";
import type { StopSignal } from "../core/stop-signal.ts";
import type { Attempt } from "./claimed.ts";
import type { Context } from "./context.ts";
import { recheckEdges, sealGroup } from "./follow/seal.ts";
import { OPEN_HEIGHT } from "./groups/create-group.ts";
import { createPage, sendPage } from "./groups/pages.ts";
import { type Header, ownedBy, type PageCursor, type Run } from "./item-kinds.ts";
import { readHeader } from "./items/header-reads.ts";
import { createHeader } from "./items/header-writes.ts";
import { readLeaf, readRun } from "./items/run-reads.ts";
import { keepValue, loadValue } from "./items/values.ts";
import { checkDepth, compileChild } from "./plan/compile-child.ts";

/**
 * Open groups (docs/protocol.md, section 8). The owner pulls its generator, cuts pages, and puts each as a member whose only step is a group: the page row
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
export async function streamPages(
  context: Context,
  attempt: Attempt,
  outcome: Stream,
  open: OpenState | undefined,
  reason: () => string | undefined,
): Promise<Streamed> {
  const { run, header: parent, signal } = attempt;
  checkDepth(run.gid);
  const gid = childGroupOf(run.runId);
  const attributes = {
    ...ownedBy(parent),
    round: run.round,
    joins: run.runId,
    policy: outcome.policy,
    tracking: "lazy" as const,
    height: OPEN_HEIGHT,
    pages: true,
    expanded: true,
  };
  const { header } = await createHeader(context, gid, attributes);
  if (!header || header.round !== run.round) return { kind: "lost" };
  const cutter = new PageCutter(context, outcome.items, open?.at ?? START, signal);
  try {
    let page = open?.pages ?? 0;
    let asked = false;
    for (;;) {
      // A generator that was not asked was not slow.
      if (signal.aborted) return abortedStream(reason(), !asked || page > (open?.pages ?? 0));
      const room = await waitForRoom(context, gid, page, signal);
      if (room === "decided") return { kind: "sealed", ownValue: undefined };
      if (room === "aborted") return abortedStream(reason(), true);
      if (room !== "room") return { kind: room };
      asked = true;
      const cut = await cutter.next(page);
      if (cut.kind === "failed") return { kind: "failed", outcome: cut.outcome };
      if (cut.kind === "aborted") continue;
      if (cut.members.length > 0) {
        if ((await putPage(context, attempt, header, page, cut.members, cut.cursorAfter)) === "foreign") return { kind: "yielded" };
        page++;
      }
      if (cut.kind === "end") {
        const kept =
          cut.value === undefined ? undefined : await keepValue(context, `${run.jobId}/value/${run.runId}/${run.round}/${run.attempt}/own`, cut.value);
        await sealGroup(context, gid, page, kept as unknown as Json | undefined);
        return { kind: "sealed", ownValue: cut.value };
      }
    }
  } finally {
    cutter.close();
  }
}
/** At its time limit an owner that got on goes on later (not a failed attempt); one that did not would never end. */
function abortedStream(reason: string | undefined, gotOn: boolean): Streamed {
  if (reason === "stopped") return { kind: "yielded" };
  if (reason !== "deadline") return { kind: "lost" };
  if (gotOn) return { kind: "yielded" };
  const error = { name: "TaskTimeout", message: "the generator yielded nothing within the task's timeout", reason: "task_timeout" };
  return { kind: "failed", outcome: { kind: "failed", error } };
}
async function ownValueOf(context: Context, header: Header): Promise<Json | undefined> {
  return header.ownValue === undefined ? undefined : loadValue(context, header.ownValue as { value?: Json; valueRef?: string });
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
  const run = await readRun(context, { gid, index: behind, step: 0 });
  return !run || isTerminal(run.status);
}
async function hasBegun(context: Context, gid: string): Promise<boolean> {
  const first = await readRun(context, { gid, index: 0, step: 0 });
  if (!first || isTerminal(first.status)) return true;
  const child = await readRun(context, { gid: childGroupOf(first.runId), index: 0, step: 0 });
  return child !== undefined && child.status !== "queued";
}

/** Puts page `page`. `foreign`: another attempt wrote that page, from where it stood: this one must start again behind it. */
async function putPage(
  context: Context,
  { run, token }: Attempt,
  header: Header,
  page: number,
  members: readonly Strand[],
  cursorAfter: PageCursor,
): Promise<"put" | "foreign"> {
  const write = await createPage(context, header, page, `${run.runId}!${run.round}.${run.attempt}p${page}`, members, { cursorAfter, writer: token });
  if (write?.run?.status === "queued") await sendPage(context, header.gid, page);
  return write?.applied || write?.run?.writer === token ? "put" : "foreign";
}

type Cut =
  | { readonly kind: "page"; readonly members: readonly Strand[]; readonly cursorAfter: PageCursor }
  | { readonly kind: "end"; readonly members: readonly Strand[]; readonly cursorAfter: PageCursor; readonly value: Json | undefined }
  | { readonly kind: "failed"; readonly outcome: TaskOutcome }
  | { readonly kind: "aborted" };
type Pulled = { readonly result: IteratorResult<StreamItem, Json | undefined> } | { readonly error: unknown };

const CURSOR_TOO_LARGE: TaskOutcome = {
  kind: "failed",
  error: {
    name: "FanfoldError",
    message: `a cursor has at most ${LIMITS.cursorCharacters} characters of JSON: store what is larger yourself and keep its name in the cursor`,
    reason: "payload_too_large",
    retryable: false,
  },
};
/** A page is cut when it is full or when its first item has waited this long: a slow generator's children start at once. */
const CUT_AFTER_MS = 200;

/** Pulls a generator into pages: the first page is one item, the next ones double, so that work starts at once and big streams have few pages. */
class PageCutter {
  readonly #context: Context;
  readonly #items: AsyncGenerator<StreamItem, Json | undefined, undefined>;
  readonly #signal: StopSignal;
  #at: PageCursor;
  #toSkip: number;
  #pulling = false;
  #pulled: Pulled | undefined;
  /** Of the page being cut: its first item has waited long enough. */
  #slow = false;
  /** Ends the current wait. One at a time: races against long-lived promises would keep every item in memory. */
  #wake: () => void = () => undefined;
  readonly #onAbort = (): void => this.#wake();

  constructor(context: Context, items: AsyncGenerator<StreamItem, Json | undefined, undefined>, at: PageCursor, signal: StopSignal) {
    this.#context = context;
    this.#items = items;
    this.#signal = signal;
    this.#at = at;
    this.#toSkip = at.skip;
    signal.addEventListener("abort", this.#onAbort);
  }

  async next(page: number): Promise<Cut> {
    const lastPage = page + 1 >= this.#context.config.width ** OPEN_HEIGHT;
    const full = lastPage ? Number.POSITIVE_INFINITY : Math.min(LIMITS.pageItems, 2 ** Math.min(page, 20));
    const members: Strand[] = [];
    let bytes = 0;
    this.#slow = false;
    this.#pageStart = -1; // the timer of the page before must not cut this one: the last page there is room for takes everything
    while (members.length < full && (lastPage || (bytes < LIMITS.pageBytes && !this.#slow))) {
      const pulled = await this.#pull();
      if (this.#signal.aborted) return { kind: "aborted" };
      if (!pulled) break; // slow
      if ("error" in pulled) {
        const outcome = outcomeOf(pulled.error);
        // Skipping the rest ends the stream; what was yielded before it counts.
        return outcome.kind === "skipped" ? { kind: "end", members, cursorAfter: this.#at, value: outcome.value } : { kind: "failed", outcome };
      }
      const { done, value } = pulled.result;
      if (done) return { kind: "end", members, cursorAfter: this.#at, value };
      if (this.#toSkip > 0) {
        this.#toSkip--;
        continue;
      }
      try {
        const strand = compileChild(this.#context, value.canvas, `/stream/${this.#at.items}`);
        members.push(strand);
        bytes += JSON.stringify(strand).length;
      } catch (error) {
        return { kind: "failed", outcome: outcomeOf(error) };
      }
      if (members.length === 1 && !lastPage && full > 1) this.#startTimer();
      const items = this.#at.items + 1;
      const tooLarge = value.cursor !== undefined && JSON.stringify(value.cursor).length > LIMITS.cursorCharacters;
      if (tooLarge) return { kind: "failed", outcome: CURSOR_TOO_LARGE };
      if (value.cursor !== undefined) this.#at = { cursor: value.cursor, skip: 0, items };
      else this.#at = { ...this.#at, skip: this.#at.skip + 1, items };
    }
    return { kind: "page", members, cursorAfter: this.#at };
  }
  /** Leaves the generator: its finally blocks run, nobody waits for them. */
  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#items.return(undefined).catch(() => undefined);
  }

  /** undefined: aborted, or the page has waited long enough; the pull goes on and is taken by the next page. */
  async #pull(): Promise<Pulled | undefined> {
    if (!this.#pulling) {
      this.#pulling = true;
      void this.#items.next().then(
        (result) => this.#arrived({ result }),
        (error: unknown) => this.#arrived({ error }),
      );
    }
    if (!this.#pulled && !this.#slow && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const pulled = this.#pulled;
    if (pulled) {
      this.#pulled = undefined;
      this.#pulling = false;
    }
    return pulled;
  }
  #arrived(pulled: Pulled): void {
    this.#pulled = pulled;
    this.#wake();
  }
  #startTimer(): void {
    const { items } = this.#at;
    const pause = this.#context.clock.pause(CUT_AFTER_MS);
    const due = (): void => {
      if (this.#pageStart !== items) return;
      this.#slow = true;
      this.#wake();
    };
    this.#pageStart = items;
    pause.then(due, due);
  }
  /** Items before the page whose timer runs: a timer of an earlier page means nothing. */
  #pageStart = -1;
}
/** A generator throws nothing but OutcomeError; anything else was refused here. */
function outcomeOf(thrown: unknown): TaskOutcome {
  return thrown instanceof OutcomeError ? thrown.outcome : { kind: "failed", error: errorData(thrown) };
}
