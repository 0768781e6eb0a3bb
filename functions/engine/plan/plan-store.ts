import type { PlanPages } from "../../core/cost/work-count.ts";
import { FanfoldError } from "../../core/errors.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { type GroupStep, isGroupStep, isInput, isPaged, type PlanStep, type Strand } from "../../core/plan/plan.ts";
import { eachBounded } from "../concurrently.ts";
import type { Plans } from "../context.ts";
import { type Owned, planPageKey } from "../item-kinds.ts";
import { keepBlobsOf } from "../items/shared-blobs.ts";
import { keepText, loadText } from "../items/values.ts";
import type { Ports } from "../ports.ts";
import { addPages, leafPages, NO_PAGES, pageUnits, type PlanPage, planPageItem } from "./plan-pages.ts";

/**
 * Stores plans, and reads them through a cache. A page is an array of strands. The members of a big group have one page
 * for each ledger leaf, so a worker of a leaf reads just that page. A small group stays inline in the page of the
 * strand that holds it. Pages are immutable, and written before anything points at them.
 *
 * A strand pointer is `<page>@<strand>(.<group>.<member>)*`. A group pointer is a strand pointer followed by
 * `.<group>`. The group is a step, or the links beside a step: `<step>`, `<step>.l` for links, `<step>.e` for error
 * links.
 */
export class PlanStore implements Plans {
  readonly #ports: Pick<Ports, "store" | "blobs">;
  readonly #width: number;
  readonly #pages = new Map<string, { strands: readonly Strand[]; size: number }>();
  /** Pages that are being read. All members of a message ask for the same page at once. */
  readonly #loading = new Map<string, Promise<readonly Strand[]>>();
  /** Characters of JSON in `#pages`. */
  #cached = 0;
  /** Big groups by pointer. Each of their members asks for its group. */
  readonly #groups = new Map<string, GroupStep>();

  /** `width` is the leaf width of the engine's ledgers. */
  constructor(ports: Pick<Ports, "store" | "blobs">, width: number) {
    this.#ports = ports;
    this.#width = width;
  }

  /** Stores a group step as the only step of a page. `pointer` names the group. */
  async write(
    ports: Pick<Ports, "store" | "blobs">,
    page: string,
    step: GroupStep,
    owned: Owned,
  ): Promise<{ readonly pointer: string; readonly took: PlanPages }> {
    const writing = new PlanWriting(ports, owned);
    await eachBounded(
      writing.leaves(page, step, this.#width),
      WRITTEN_AT_ONCE,
      async (leaf) => void (await writing.put(leaf)),
    );
    // Last, because it points at the others. It is read next, to send what it holds.
    const { own } = writing;
    if (await writing.put(own)) this.#remember(own.name, JSON.parse(own.text) as readonly Strand[], own.text.length);
    return { pointer: `${page}@0.0`, took: writing.took };
  }

  async group(pointer: string): Promise<GroupStep> {
    const known = this.#groups.get(pointer);
    if (known) return known;
    const group = await this.#find(pointer);
    if (this.#groups.size >= CACHED_GROUPS) this.#groups.clear();
    // Only big groups are kept here. An inline group may be as large as its page, and lives in the cache of pages.
    if (isPaged(group.members)) this.#groups.set(pointer, group);
    return group;
  }
  async #find(pointer: string): Promise<GroupStep> {
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
  /** Returns the strands of the members of a leaf. */
  async leaf(pointer: string, leaf: number): Promise<readonly Strand[]> {
    const { members } = await this.group(pointer);
    if (isInput(members)) throw broken(pointer);
    const width = this.#width;
    return isPaged(members) ? this.#load(`${members.pages}/${leaf}`) : members.slice(leaf * width, (leaf + 1) * width);
  }
  /** Returns the strand of member `index` of the group at this pointer, and the pointer to that strand. */
  async member(group: string, index: number): Promise<{ strand: Strand; pointer: string }> {
    const { members } = await this.group(group);
    if (isInput(members)) throw broken(group);
    const width = this.#width;
    const pointer = isPaged(members)
      ? `${members.pages}/${leafOf(index, width)}@${localIndex(index, width)}`
      : `${group}.${index}`;
    const strand = isPaged(members)
      ? (await this.#load(`${members.pages}/${leafOf(index, width)}`))[localIndex(index, width)]
      : members[index];
    if (!strand) throw broken(pointer);
    return { strand, pointer };
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
    // Consistent: the page may have been written a moment ago.
    const item = await this.#ports.store.get(planPageKey(page), { consistent: true });
    const jobId = page.slice(0, /[.!/]/.exec(page)?.index ?? page.length);
    const text =
      (item?.attributes["strands"] as string | undefined) ?? (await loadText(this.#ports, blobName(page, jobId)));
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

/** One plan that is being written: what it took so far, and its own page, which is known once all leaves have been made. */
class PlanWriting {
  readonly #ports: Pick<Ports, "store" | "blobs">;
  readonly #owned: Owned;
  #own: PlanPage | undefined;
  #took = NO_PAGES;

  constructor(ports: Pick<Ports, "store" | "blobs">, owned: Owned) {
    this.#ports = ports;
    this.#owned = owned;
  }
  get took(): PlanPages {
    return this.#took;
  }
  get own(): PlanPage {
    if (!this.#own) throw new FanfoldError("internal", "the leaves of a plan are made before its own page");
    return this.#own;
  }
  *leaves(name: string, step: GroupStep, width: number): Generator<PlanPage, void, undefined> {
    this.#own = yield* leafPages(name, step, width);
  }
  /** Returns true when the page is a small one and stands there by this very write. */
  async put(page: PlanPage): Promise<boolean> {
    await keepBlobsOf(this.#ports, page.text, this.#owned.ttl);
    const item = planPageItem(page, this.#owned);
    this.#took = addPages(this.#took, pageUnits(item));
    if (item) return (await this.#ports.store.write(item)).applied;
    await keepText(this.#ports, blobName(page.name, this.#owned.jobId), page.text);
    return false;
  }
}

/**
 * Returns the group that a step is, or the links beside it when the path goes on to them. Takes `l` or `e` off the
 * path.
 */
function groupAt(step: PlanStep | undefined, path: string[]): GroupStep | undefined {
  const side = path[0];
  if (side !== "l" && side !== "e") return step && isGroupStep(step) ? step : undefined;
  path.shift();
  if (side === "e") return step?.errors;
  return step?.links;
}

const WRITTEN_AT_ONCE = 16;
const CACHED_GROUPS = 256;
/** Characters of JSON whose parsed form is kept. Parsed plans take a few times as many bytes of memory. */
const CACHED_TEXT = 2 * 1024 * 1024;

const blobName = (page: string, jobId: string): string => `${jobId}/plan/${page}`;
const broken = (pointer: string): FanfoldError =>
  new FanfoldError("internal", `the plan has nothing at ${pointer}`, { details: { pointer } });
