import { encodeCanvas } from "../../core/canvas/canvas-wire.ts";
import type { Canvas } from "../../core/canvas/canvas.ts";
import { FanfoldError } from "../../core/errors.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { PlanSize } from "../../core/plan/plan-size.ts";
import { childGroupOf, runIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { sealGroup } from "../follow/seal-group.ts";
import { OPEN_HEIGHT } from "../groups/create-group.ts";
import { createPage, isBehindSeal, sendPage } from "../groups/pages.ts";
import type { Header } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { readLeaf, readRuns } from "../items/run-reads.ts";
import { isGroupStep, isInput, type ItemChunks, type Strand } from "../../core/plan/plan.ts";
import { compileChild } from "../plan/compile-child.ts";
import { strandOf } from "../plan/strands.ts";
import { chunkStrands } from "./items.ts";
import { openInputGroup } from "./submit.ts";

/** Returns the open group that the input of a job fills: the child group of its first run. */
const inputGroupOf = (jobId: string): string => childGroupOf(runIdOf(jobId, 0, 0));

/**
 * Puts one page of canvases. Pages may come in any order, and each any number of times, because a page is recognised by
 * its content. Throws `job_not_found`, `input_sealed`, `page_conflict`, `payload_too_large`, `invalid_request`.
 */
export async function putPage(context: Context, jobId: string, page: number, items: readonly Canvas[]): Promise<void> {
  if (await itemChunksOf(context, jobId))
    throw new FanfoldError("invalid_request", `job ${jobId} takes items of path tasks: put those`, {
      details: { field: "{id}" },
    });
  await putMembers(context, jobId, page, items.length, () => {
    const size = new PlanSize();
    const members = items.map((item, k) => compileChild(context, item, `/${k}`, size));
    // After the sizes have been checked, because the text has the links of every member as well.
    return { members, content: items.map((item): Json => encodeCanvas(item)) };
  });
}
/**
 * Puts one page of items of path tasks, as `putPage` puts canvases. A chunk of them becomes a member. Throws what it
 * throws.
 */
export async function putItems(context: Context, jobId: string, page: number, items: readonly Json[]): Promise<void> {
  const chunks = await itemChunksOf(context, jobId);
  if (!chunks)
    throw new FanfoldError("invalid_request", `job ${jobId} takes canvases: open one with input "items"`, {
      details: { field: "{id}" },
    });
  await putMembers(context, jobId, page, items.length, () => ({
    members: chunkStrands(chunks, items),
    content: items,
  }));
}
/** Returns what becomes of the items of an open job. Undefined for one that takes canvases. Throws `job_not_found`. */
export async function itemChunksOf(context: Context, jobId: string): Promise<ItemChunks | undefined> {
  const root = await readHeader(context, jobId);
  if (!root) throw notOpen(jobId);
  const [step] = (await strandOf(context, root, { gid: jobId, index: 0, stepIndex: 0 })).strand;
  if (!step || !isGroupStep(step) || !isInput(step.members)) throw notOpen(jobId);
  return step.members.items;
}

/** What a page consists of, and the content by which it is recognised. */
interface PageContent {
  readonly members: readonly Strand[];
  readonly content: readonly Json[];
}
async function putMembers(
  context: Context,
  jobId: string,
  page: number,
  items: number,
  read: () => PageContent,
): Promise<void> {
  const header = await openInput(context, jobId);
  checkPage(context, page, items);
  const { members, content } = read();
  const contentHash = context.ids.hash(canonicalJson(content));
  if (isBehindSeal(header, page)) throw sealed(jobId);
  const planPage = `${runIdOf(header.gid, page, 0)}!${contentHash.slice(0, 32)}`;
  const write = await createPage(context, header, page, planPage, members, { contentHash });
  if (write.run?.contentHash !== contentHash) {
    throw new FanfoldError(
      "page_conflict",
      `page ${page} was put before with another content: pages are numbered once and for all`,
      {
        details: { field: PAGE_FIELD, page },
      },
    );
  }
  // Read after the put, because a seal that came in between does not count this page.
  const after = await openInput(context, jobId);
  if (isBehindSeal(after, page)) throw sealed(jobId);
  if (write.run.status === "queued") await sendPage(context, header.gid, page);
}
const PAGE_FIELD = "{page}";
function checkPage({ config }: Context, page: number, items: number): void {
  const pages = config.width ** OPEN_HEIGHT;
  if (!Number.isSafeInteger(page) || page < 0 || page >= pages)
    throw new FanfoldError("invalid_request", `a page number is a whole number from 0 to ${pages - 1}`, {
      details: { field: PAGE_FIELD },
    });
  if (items > LIMITS.pageItems)
    throw new FanfoldError("payload_too_large", `a page has at most ${LIMITS.pageItems} items, this one has ${items}`, {
      details: { field: PAGE_FIELD, limit: LIMITS.pageItems },
    });
}

/** Seals the input with the pages 0 to pages-1, all of which must have been put. Idempotent for the same number. */
export async function sealInput(context: Context, jobId: string, pages: number): Promise<void> {
  const header = await openInput(context, jobId);
  if (header.memberCount !== undefined && header.memberCount !== pages) throw sealed(jobId);
  if (!Number.isSafeInteger(pages) || pages < 0 || pages > context.config.width ** OPEN_HEIGHT) {
    throw new FanfoldError("invalid_request", "`pages` is the number of pages that were put", {
      details: { field: "/pages" },
    });
  }
  const missing = await firstMissing(context, header, pages);
  if (missing !== undefined) {
    throw new FanfoldError("input_incomplete", `page ${missing} of ${pages} was never put: put it, then seal again`, {
      details: { field: "/pages", missing },
    });
  }
  const { width } = context.config;
  const beyond = (await readLeaf(context, header.gid, Math.floor(pages / width))).find((run) => run.index >= pages);
  if (beyond && header.memberCount === undefined) {
    throw new FanfoldError(
      "input_incomplete",
      `page ${beyond.index} was put: seal with all pages, at least ${beyond.index + 1}`,
      {
        details: { field: "/pages", page: beyond.index },
      },
    );
  }
  await sealGroup(context, header.gid, pages);
  // When two clients seal the input at once, the first seal counts.
  const after = await readHeader(context, header.gid);
  if (after && after.memberCount !== pages) throw sealed(jobId);
}
/** Returns the number of the first page that was never put. */
async function firstMissing(context: Context, header: Header, pages: number): Promise<number | undefined> {
  for (let from = 0; from < pages; from += 100) {
    const refs = Array.from({ length: Math.min(100, pages - from) }, (_, k) => ({
      gid: header.gid,
      index: from + k,
      stepIndex: 0,
    }));
    const missing = (await readRuns(context, refs)).indexOf(undefined);
    if (missing >= 0) return from + missing;
  }
  return undefined;
}
async function openInput(context: Context, jobId: string): Promise<Header> {
  const header = (await readHeader(context, inputGroupOf(jobId))) ?? (await openLate(context, jobId));
  if (!header?.pages) throw notOpen(jobId);
  return header;
}
/** Opens the input that the start of its job could not open. */
async function openLate(context: Context, jobId: string): Promise<Header | undefined> {
  const root = await readHeader(context, jobId);
  if (!root?.job || root.state !== "open") return undefined;
  const [step] = (await strandOf(context, root, { gid: jobId, index: 0, stepIndex: 0 })).strand;
  if (!step || !isGroupStep(step) || !isInput(step.members)) return undefined;
  await openInputGroup(context, jobId, step);
  return readHeader(context, inputGroupOf(jobId));
}
const notOpen = (jobId: string): FanfoldError =>
  new FanfoldError("job_not_found", `no job ${jobId} takes input: start one with an open input first`, {
    details: { jobId },
  });
const sealed = (jobId: string): FanfoldError =>
  new FanfoldError("input_sealed", `the input of job ${jobId} is sealed: start another job for more`, {
    details: { jobId },
  });
