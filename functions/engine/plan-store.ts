import { FanfoldError } from "../core/errors.ts";
import { leafOf, localIndex } from "../core/ledger.ts";
import { type GroupStep, isGroupStep, isInput, isPaged, type PlanStep, type Strand } from "../core/plan.ts";
import { LIMITS } from "../core/limits.ts";
import { absent } from "./conditions.ts";
import { eachBounded } from "./concurrently.ts";
import { ITEM_VERSION, type Owned, planPageKey } from "./items.ts";
import { jsonBytes, keepText, loadText } from "./payload.ts";
import type { Context } from "./context.ts";

/**
 * Plans at rest. A page is an array of strands. A big group's members are paged out, one page per ledger leaf, so that the worker of a leaf reads
 * just that; small groups stay inline in the page of the strand that holds them. Pages are immutable and written before anything points at them.
 *
 * A strand pointer is `<page>@<strand>(.<group>.<member>)*`; a group pointer is a strand pointer followed by `.<group>`. A group is a step, or the callbacks
 * beside one: `<step>`, `<step>.l` for its links, `<step>.e` for its error links.
 */
export class PlanStore {
  readonly #context: () => Context;
  readonly #pages = new Map<string, { strands: readonly Strand[]; size: number }>();
  /** Pages on their way: the members of a message ask for theirs all at once. */
  readonly #loading = new Map<string, Promise<readonly Strand[]>>();
  #cached = 0;

  constructor(context: () => Context) {
    this.#context = context;
  }

  /** Stores a group step as the only step of a page; returns its group pointer. */
  async write(page: string, step: GroupStep, owned: Owned): Promise<string> {
    const pages: { name: string; text: string }[] = [];
    const paged = this.#pageOut(step, page, pages);
    await eachBounded(pages, 16, ({ name, text }) => this.#put(name, text, owned));
    await this.#put(page, JSON.stringify([[paged]]), owned);
    return `${page}@0.0`;
  }

  async group(pointer: string): Promise<GroupStep> {
    const at = pointer.lastIndexOf("@");
    const path = pointer.slice(at + 1).split(".");
    let strand = (await this.#load(pointer.slice(0, at)))[Number(path.shift())];
    for (;;) {
      const group = groupAt(strand?.[Number(path.shift())], path);
      if (!group) throw broken(pointer);
      if (path.length === 0) return group;
      if (!Array.isArray(group.members)) throw broken(pointer);
      strand = (group.members as readonly Strand[])[Number(path.shift())];
    }
  }
  /** The strand of member `index` of the group at this pointer, and the pointer to that strand. */
  async member(group: string, index: number): Promise<{ strand: Strand; pointer: string }> {
    const { members } = await this.group(group);
    if (isInput(members)) throw broken(group);
    const { width } = this.#context().config;
    const pointer = isPaged(members) ? `${members.pages}/${leafOf(index, width)}@${localIndex(index, width)}` : `${group}.${index}`;
    const strand = isPaged(members) ? (await this.#load(`${members.pages}/${leafOf(index, width)}`))[localIndex(index, width)] : members[index];
    if (!strand) throw broken(pointer);
    return { strand, pointer };
  }

  /** Replaces big groups, innermost first, by references to pages that are collected in `pages`. */
  #pageOut(step: GroupStep, name: string, pages: { name: string; text: string }[]): GroupStep {
    if (!Array.isArray(step.members)) return step;
    const members = (step.members as readonly Strand[]).map((strand) =>
      strand.some(isGroupStep) ? strand.map((inner) => this.#pageOutStep(inner, name, pages)) : strand,
    );
    const { width } = this.#context().config;
    if (members.length <= width && JSON.stringify(members).length <= INLINE_MEMBERS) return { ...step, members };
    const prefix = `${name}!${pages.length}`;
    for (let leaf = 0; leaf * width < members.length; leaf++) {
      pages.push({ name: `${prefix}/${leaf}`, text: JSON.stringify(members.slice(leaf * width, (leaf + 1) * width)) });
    }
    return { ...step, members: { pages: prefix, count: members.length } };
  }
  #pageOutStep(step: PlanStep, name: string, pages: { name: string; text: string }[]): PlanStep {
    return isGroupStep(step) ? this.#pageOut(step, name, pages) : step;
  }

  async #put(page: string, text: string, owned: Owned): Promise<void> {
    const context = this.#context();
    if (jsonBytes(text) > LIMITS.inlineBytes) await keepText(context, blobName(page, owned.jobId), text);
    else
      await context.store.write({
        op: "put",
        key: planPageKey(page),
        attributes: { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, strands: text },
        when: absent(),
      });
  }
  async #load(page: string): Promise<readonly Strand[]> {
    const cached = this.#pages.get(page);
    if (cached) return cached.strands;
    const underWay = this.#loading.get(page);
    if (underWay) return underWay;
    const loading = this.#read(page).finally(() => this.#loading.delete(page));
    this.#loading.set(page, loading);
    return loading;
  }
  async #read(page: string): Promise<readonly Strand[]> {
    const context = this.#context();
    // Consistent: the page may have been written a moment ago.
    const item = await context.store.get(planPageKey(page), { consistent: true });
    const jobId = page.slice(0, /[.!/]/.exec(page)?.index ?? page.length);
    const text = (item?.attributes["strands"] as string | undefined) ?? (await loadText(context, blobName(page, jobId)));
    const strands = JSON.parse(text) as readonly Strand[];
    this.#remember(page, strands, text.length);
    return strands;
  }
  #remember(page: string, strands: readonly Strand[], size: number): void {
    if (this.#pages.has(page)) return;
    this.#pages.set(page, { strands, size });
    this.#cached += size;
    for (const [oldest, entry] of this.#pages) {
      if (this.#cached <= CACHED_TEXT || oldest === page) break;
      this.#pages.delete(oldest);
      this.#cached -= entry.size;
    }
  }
}

/** The group that a step is, or the callbacks beside it when the path goes on to them. */
function groupAt(step: PlanStep | undefined, path: string[]): GroupStep | undefined {
  const side = path[0];
  if (side !== "l" && side !== "e") return step && isGroupStep(step) ? step : undefined;
  path.shift();
  if (side === "e") return step?.errors;
  return step?.links;
}

/** Characters of JSON: above this a group's members leave the page of the strand that holds them. */
const INLINE_MEMBERS = 16 * 1024;
/** Characters of JSON whose parsed form is kept; parsed plans take a few times that in memory. */
const CACHED_TEXT = 2 * 1024 * 1024;

const blobName = (page: string, jobId: string): string => `${jobId}/plan/${page}`;
const broken = (pointer: string): FanfoldError => new FanfoldError("internal", `the plan has nothing at ${pointer}`, { details: { pointer } });
