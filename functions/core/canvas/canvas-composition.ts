import { assertNever, FanfoldError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { checkCanvasDepth } from "./canvas-depth.ts";
import { addingLinks, withLinks } from "./canvas-links.ts";
import { eachOf, withNodes, withParts } from "./canvas-parts.ts";
import type { Canvas, Chain, Chunks, Group, Signature } from "./canvas.ts";

/**
 * The rules by which canvases are composed. All functions are pure, and each returns a new canvas. A group without
 * options is *plain*, and a plain group is flattened by its place. In a group it dissolves. In a chain a single member
 * replaces it, and an empty one is skipped.
 */

/** Returns whether the canvas is a group without options. */
export function isPlainGroup(canvas: Canvas): canvas is Group {
  return canvas.kind === "group" && Object.keys(canvas.options).length === 0;
}
/** Returns the only item of a chain when that item is a composition and the chain has no links of its own. */
export function unwrapped(canvas: Canvas): Canvas {
  let item = canvas;
  while (
    item.kind === "chain" &&
    item.items.length === 1 &&
    item.items[0]?.kind !== "task" &&
    !item.link?.length &&
    !item.linkError?.length
  ) {
    item = item.items[0] as Canvas;
  }
  return item;
}
/** Returns how many members a group of these canvases has, once plain groups among them have dissolved. */
export function flatMembers(members: readonly Canvas[]): number {
  let count = 0;
  for (const member of members) {
    const own = unwrapped(member);
    count += isPlainGroup(own) ? flatMembers(own.members) : 1;
  }
  return count;
}
/** Returns the member of a plain group of one, which is how a chain continues into that group. */
export function unrolled(canvas: Canvas): Canvas {
  let item = canvas;
  while (isPlainGroup(item) && item.members.length === 1) item = item.members[0] as Canvas;
  return item;
}
/** Returns whether the item is a group whose results the next item of the chain receives. */
const isHeader = (item: Canvas): boolean => item.kind === "group" || item.kind === "chunks";
const isEmptyPlainGroup = (item: Canvas): boolean => isPlainGroup(item) && item.members.length === 0;
/**
 * One item of a chain and its place in the wire form. Nested chains are spliced, so the place may lie inside an inner
 * chain.
 */
export interface ChainItem {
  readonly item: Canvas;
  readonly path: readonly (string | number)[];
}
/**
 * Returns the items of a chain, nested chains spliced, with the links of the chain moved onto them. Links go to the
 * last item. Error links go to each item that is not the header of the next one.
 */
export function chainItems(chain: Chain, path: readonly (string | number)[] = []): readonly ChainItem[] {
  const items: ChainItem[] = [];
  for (const [index, given] of chain.items.entries()) {
    const item = unrolled(given);
    const at = [...path, "chain", index];
    // The compiler refuses a chain that is empty or nested too deeply, so such a chain stays as it is here.
    if (item.kind !== "chain" || item.items.length === 0 || at.length > LIMITS.jsonDepth)
      items.push({ item, path: at });
    else for (const inner of chainItems(item, at)) items.push(inner);
  }
  const { link = [], linkError = [] } = chain;
  if (link.length === 0 && linkError.length === 0) return items;
  const last = items.length - 1;
  const [toLast, toOthers] = [addingLinks(link, linkError), addingLinks([], linkError)];
  return items.map(({ item, path: at }, index) => {
    if (index === last) return { item: toLast(item), path: at };
    // A group that a step follows is the header of a chord, whose body has the links.
    const isHeader = item.kind === "chunks" || item.kind === "group";
    return { item: isHeader ? item : toOthers(item), path: at };
  });
}
/**
 * Returns the group that a list of chunks stands for: one starmap for each part of `size` items. `field` is its place
 * in the wire form.
 * @throws FanfoldError `too_many_children`
 */
export function chunkGroup(chunks: Chunks, field = ""): Group {
  const { task, items, size, options, link = [], linkError = [] } = chunks;
  const parts = Math.ceil(items.length / size);
  if (parts > LIMITS.groupMembers) {
    throw new FanfoldError(
      "too_many_children",
      `chunks of ${items.length} items by ${size} are a group of ${parts} members; at most ${LIMITS.groupMembers} are allowed`,
      { details: { field, members: parts, limit: LIMITS.groupMembers } },
    );
  }
  const members: Signature[] = [];
  for (let from = 0; from < items.length; from += size)
    members.push(eachOf("starmap", task, items.slice(from, from + size), options));
  return withLinks({ kind: "group", members, options: {} }, link, linkError) as Group;
}

/** Returns what Celery's pipe `left | right` makes of the two canvases. */
export function pipe(left: Canvas, right: Canvas): Canvas {
  const next = unrolled(right);
  if (isEmptyPlainGroup(next)) return left;
  switch (left.kind) {
    case "group":
      // Not unrolled: what follows a group by a pipe keeps its form, and a group of one gives a list.
      return { kind: "chord", header: left, body: right };
    case "chord":
      return { ...left, body: pipe(left.body, next) };
    case "task":
    case "chunks":
    case "chain":
    case "when":
    case "repeat":
    case "wait":
    case "graph":
      return folded([...spliced(left), ...spliced(next)]);
    default:
      return assertNever(left);
  }
}
/**
 * Returns what the chain constructor makes of its items.
 * @throws FanfoldError `invalid_canvas` without items
 */
export function chainOf(items: readonly Canvas[]): Canvas {
  if (items.length === 0)
    throw new FanfoldError("invalid_canvas", "a chain must not be empty", { details: { field: "/chain" } });
  return folded(items.flatMap(spliced));
}
function spliced(canvas: Canvas): readonly Canvas[] {
  const item = unrolled(canvas);
  return item.kind === "chain" ? chainItems(item).map((each) => each.item) : [item];
}
/**
 * Turns each group that has a successor into a chord. Returns a single composition itself instead of a chain of one.
 */
function folded(items: readonly Canvas[]): Canvas {
  const kept = items.filter((item, index) => index === 0 || !isEmptyPlainGroup(item));
  // From the last item to the first: what follows a group has been folded when the group is reached.
  let reversed: Canvas[] = [];
  for (const item of kept.toReversed()) {
    const next = reversed.at(-1);
    if (next === undefined || (item.kind !== "group" && item.kind !== "chord")) reversed.push(item);
    else {
      const rest: Canvas = reversed.length === 1 ? next : { kind: "chain", items: reversed.toReversed() };
      reversed = [
        item.kind === "group" ? { kind: "chord", header: item, body: rest } : { ...item, body: pipe(item.body, rest) },
      ];
    }
  }
  const [only] = reversed;
  return reversed.length === 1 && only && only.kind !== "task" ? only : { kind: "chain", items: reversed.toReversed() };
}
/**
 * Returns what `a | b | c` makes of its items. Tasks in a row are taken together, since each pipe copies the chain before
 * it.
 * @throws FanfoldError `too_deep`
 */
export function piped(items: readonly Canvas[]): Canvas {
  const parts: Canvas[] = [];
  let row: Canvas[] = [];
  const endRow = (): void => {
    if (row.length > 0) parts.push(row.length === 1 ? (row[0] as Canvas) : { kind: "chain", items: row });
    row = [];
  };
  for (const item of items) {
    if (item.kind === "task") row.push(item);
    else {
      endRow();
      parts.push(item);
    }
  }
  endRow();
  return parts.reduce((left, right) => {
    const canvas = pipe(left, right);
    checkCanvasDepth(canvas);
    return canvas;
  });
}

/**
 * Returns the canvas in normal form: plain groups dissolved, chains spliced, groups inside chains turned into chords.
 */
export function normalised(canvas: Canvas): Canvas {
  switch (canvas.kind) {
    case "task":
    case "chunks":
    case "wait":
      return canvas;
    case "when":
    case "repeat":
      return withParts(canvas, normalised);
    case "graph":
      return withNodes(canvas, (node) => normalised(node.do));
    case "group":
      return normalGroup(canvas);
    case "chord":
      return { kind: "chord", header: normalGroup(canvas.header), body: normalised(canvas.body) };
    case "chain": {
      const { link = [], linkError = [] } = canvas;
      return withLinks(chainOf(canvas.items.map(normalised)), link, linkError);
    }
    default:
      return assertNever(canvas);
  }
}
function normalGroup(group: Group): Group {
  return {
    ...group,
    members: group.members.map(normalised).flatMap((member) => (isPlainGroup(member) ? member.members : [member])),
  };
}

/**
 * Returns for each item the error links that its failure as a group calls: those of the item that would have run next.
 */
export function errorLinksAfter(items: readonly ChainItem[]): readonly (readonly Canvas[])[] {
  const links: (readonly Canvas[])[] = [];
  let after: readonly Canvas[] = [];
  for (let at = items.length - 1; at >= 0; at--) {
    links[at] = after;
    const { item } = items[at] as ChainItem;
    if (!isEmptyPlainGroup(item) && (at === items.length - 1 || !isHeader(item))) after = firstErrorLinks(item);
  }
  return links;
}
/**
 * Returns the error links to call when the group before this canvas fails, so that the canvas never starts. They are
 * those of the steps that would have run first.
 */
export function firstErrorLinks(canvas: Canvas): readonly Canvas[] {
  switch (canvas.kind) {
    case "task":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
    case "graph":
      return canvas.linkError ?? [];
    case "chain": {
      const items = chainItems(canvas);
      const first = items[0]?.item;
      if (first === undefined) return [];
      return isHeader(first) && items.length > 1 ? (errorLinksAfter(items)[0] ?? []) : firstErrorLinks(first);
    }
    case "group":
      return canvas.members.flatMap(firstErrorLinks);
    case "chord":
      return firstErrorLinks(canvas.body);
    default:
      return assertNever(canvas);
  }
}
