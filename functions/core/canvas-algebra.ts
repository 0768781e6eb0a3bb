import type { Canvas, Chain, Chord, Chunks, Group, GroupOptions, Links, Repeat, Signature, SignatureOptions, When } from "./canvas.ts";
import { encodeCanvas } from "./canvas-encode.ts";
import { assertNever, FanfoldError } from "./errors.ts";
import { canonicalJson, type Json, type JsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";

/**
 * What can be done with a canvas before it runs. Pure: every function gives a new canvas. A group without options of its own is *plain*: its place
 * decides what becomes of it (in a group it dissolves, in a chain a single member takes its place and an empty one is skipped).
 */

export function isPlainGroup(canvas: Canvas): canvas is Group {
  return canvas.kind === "group" && Object.keys(canvas.options).length === 0;
}
/** A chain of nothing but a composition, and without links of its own, is that composition. */
export function unwrapped(canvas: Canvas): Canvas {
  let item = canvas;
  while (item.kind === "chain" && item.items.length === 1 && item.items[0]?.kind !== "task" && !item.link?.length && !item.linkError?.length) {
    item = item.items[0] as Canvas;
  }
  return item;
}
/** A plain group of one, where a chain goes on into it, is its member. */
export function unrolled(canvas: Canvas): Canvas {
  let item = canvas;
  while (isPlainGroup(item) && item.members.length === 1) item = item.members[0] as Canvas;
  return item;
}
/** What an item of a chain is once it stands there: a group of which the next item receives the results. */
const isHeader = (item: Canvas): boolean => item.kind === "group" || item.kind === "chunks";
const isPassedOver = (item: Canvas): boolean => isPlainGroup(item) && item.members.length === 0;
/** An item of a chain and where it stood in it: chains in it are spliced. */
export interface ChainItem {
  readonly item: Canvas;
  readonly path: readonly (string | number)[];
}
/** The items of a chain with its own links where they belong: on the last item, and error links on each that is not the header of the next. */
export function chainItems(chain: Chain, path: readonly (string | number)[] = []): readonly ChainItem[] {
  const items: ChainItem[] = [];
  for (const [index, given] of chain.items.entries()) {
    const item = unrolled(given);
    const at = [...path, "chain", index];
    // What is nested too deep, or empty, is left to whoever refuses it.
    if (item.kind !== "chain" || item.items.length === 0 || at.length > LIMITS.jsonDepth) items.push({ item, path: at });
    else for (const inner of chainItems(item, at)) items.push(inner);
  }
  const { link = [], linkError = [] } = chain;
  if (link.length === 0 && linkError.length === 0) return items;
  const last = items.length - 1;
  return items.map(({ item, path: at }, index) => ({ item: linkedItem(item, index === last ? link : [], linkError, index < last), path: at }));
}
function linkedItem(item: Canvas, link: readonly Canvas[], linkError: readonly Canvas[], followed: boolean): Canvas {
  if (followed && item.kind === "chunks") return item;
  if (followed && item.kind === "group") return linkError.reduce((group: Group, errback) => withHeaderErrors(group, errback, {}), item);
  return withLinks(item, link, linkError);
}
/** Who is told when the group at `index` of a chain fails: the error links of what would have run next. */
export function errorLinksAfter(items: readonly ChainItem[], index: number): readonly Canvas[] {
  for (let at = index + 1; at < items.length; at++) {
    const next = (items[at] as ChainItem).item;
    if (!isPassedOver(next) && (at === items.length - 1 || !isHeader(next))) return firstErrorLinks(next);
  }
  return [];
}
export function chunkGroup({ task, items, size, options, link = [], linkError = [] }: Chunks): Group {
  const members: Signature[] = [];
  for (let from = 0; from < items.length; from += size) members.push(eachOf("starmap", task, items.slice(from, from + size), options));
  return withLinks({ kind: "group", members, options: {} }, link, linkError) as Group;
}
export function eachOf(each: "map" | "starmap", task: string, items: readonly Json[], options: SignatureOptions = {}): Signature {
  return { kind: "task", task, each, args: [items], kwargs: {}, options, immutable: true };
}

// ---------------------------------------------------------------- composition

/** `left | right`: what the pipe of Celery makes of the two. */
export function pipe(left: Canvas, right: Canvas): Canvas {
  const next = unrolled(right);
  if (isPassedOver(next)) return left;
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
      return folded([...spliced(left), ...spliced(next)]);
    default:
      return assertNever(left);
  }
}
/** What the chain constructor makes of its items. Throws `invalid_canvas` for none. */
export function chainOf(items: readonly Canvas[]): Canvas {
  if (items.length === 0) throw new FanfoldError("invalid_canvas", "a chain must not be empty", { details: { field: "/chain" } });
  return folded(items.flatMap(spliced));
}
function spliced(canvas: Canvas): readonly Canvas[] {
  const item = unrolled(canvas);
  return item.kind === "chain" ? chainItems(item).map((each) => each.item) : [item];
}
/** Groups with something after them become chords; a composition that is a chain of nothing else is that itself. */
function folded(items: readonly Canvas[]): Canvas {
  const kept = items.filter((item, index) => index === 0 || !isPassedOver(item));
  const at = kept.findIndex((item, index) => (item.kind === "group" || item.kind === "chord") && index + 1 < kept.length);
  if (at < 0) return kept.length === 1 && kept[0]?.kind !== "task" ? (kept[0] as Canvas) : { kind: "chain", items: kept };
  const head = kept[at] as Group | Chord;
  const after = kept.slice(at + 1);
  const rest = after.length === 1 ? (after[0] as Canvas) : folded(after);
  const chord: Canvas = head.kind === "group" ? { kind: "chord", header: head, body: rest } : { ...head, body: pipe(head.body, rest) };
  return at === 0 ? chord : { kind: "chain", items: [...kept.slice(0, at), chord] };
}

/** The canvas in the form that compositions have after all rules: plain groups dissolved, chains spliced, groups in chains made chords. */
export function normalised(canvas: Canvas): Canvas {
  switch (canvas.kind) {
    case "task":
    case "chunks":
    case "wait":
      return canvas;
    case "when":
    case "repeat":
      return withParts(canvas, normalised);
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
/** The ways of a branch, or what is repeated, each as this makes it. */
export function withParts<Kind extends When | Repeat>(canvas: Kind, part: (canvas: Canvas) => Canvas): Kind {
  if (canvas.kind === "repeat") return { ...canvas, body: part(canvas.body) };
  return { ...canvas, do: part(canvas.do), ...(canvas.otherwise && { otherwise: part(canvas.otherwise) }) };
}
function normalGroup(group: Group): Group {
  return { ...group, members: group.members.map(normalised).flatMap((member) => (isPlainGroup(member) ? member.members : [member])) };
}

// ---------------------------------------------------------------- links

/** `headerErrors`: error links of a chord go to each member of its header as well. */
export interface LinkRules {
  readonly headerErrors?: boolean;
}
/** Runs `callback` with the canvas's value: after the last step of a chain, the body of a chord, the first member of a group. Equal links are one. */
export function withLink(canvas: Canvas, callback: Canvas): Canvas {
  switch (canvas.kind) {
    case "task":
    case "chain":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return { ...canvas, link: added(canvas.link, callback) };
    case "chord":
      return { ...canvas, body: withLink(canvas.body, callback) };
    case "group": {
      const [first, ...rest] = canvas.members;
      return first === undefined ? canvas : { ...canvas, members: [withLink(first, setImmutable(callback, true)), ...rest] };
    }
    default:
      return assertNever(canvas);
  }
}
/** Runs `errback` when the canvas fails: any step of a chain, each failing member of a group, header or body of a chord. */
export function withLinkError(canvas: Canvas, errback: Canvas, rules: LinkRules = {}): Canvas {
  const member = (each: Canvas): Canvas => withLinkError(each, errback, rules);
  switch (canvas.kind) {
    case "task":
    case "chain":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return { ...canvas, linkError: added(canvas.linkError, errback) };
    case "group":
      return { ...canvas, members: canvas.members.map(member) };
    case "chord":
      return { ...canvas, header: withHeaderErrors(canvas.header, errback, rules), body: member(canvas.body) };
    default:
      return assertNever(canvas);
  }
}
/** A chord right in a header is told too: its own failure is what the outer body would hear of. */
function withHeaderErrors(header: Group, errback: Canvas, rules: LinkRules): Group {
  const told = (each: Canvas): Canvas => (rules.headerErrors || each.kind === "chord" ? withLinkError(each, errback, rules) : each);
  return { ...header, members: header.members.map(told) };
}
export function withLinks(canvas: Canvas, link: readonly Canvas[], linkError: readonly Canvas[], rules: LinkRules = {}): Canvas {
  const linked = link.reduce(withLink, canvas);
  return linkError.reduce((each, errback) => withLinkError(each, errback, rules), linked);
}
/** What is called when this canvas cannot even start, because the group before it failed: the error links of what would have run first. */
export function firstErrorLinks(canvas: Canvas): readonly Canvas[] {
  switch (canvas.kind) {
    case "task":
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return canvas.linkError ?? [];
    case "chain": {
      const items = chainItems(canvas);
      const first = items[0]?.item;
      if (first === undefined) return [];
      return isHeader(first) && items.length > 1 ? errorLinksAfter(items, 0) : firstErrorLinks(first);
    }
    case "group":
      return canvas.members.flatMap(firstErrorLinks);
    case "chord":
      return firstErrorLinks(canvas.body);
    default:
      return assertNever(canvas);
  }
}
function added(links: Links["link"], link: Canvas): readonly Canvas[] {
  if (links === undefined || links.length === 0) return [link];
  const text = canonicalJson(encodeCanvas(link));
  return links.some((each) => each === link || canonicalJson(encodeCanvas(each)) === text) ? links : [...links, link];
}

// ---------------------------------------------------------------- parts

export interface Partials {
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly options?: SignatureOptions;
}
/**
 * With `args` before its own, and `kwargs` and `options` over its own. A composition hands them on: a chain to its first step, a group to every
 * member, a chord to its header. What is immutable takes the options only.
 */
export function clone(canvas: Canvas, partials: Partials): Canvas {
  const { args = [], kwargs = {}, options = {} } = partials;
  if (args.length === 0 && Object.keys(kwargs).length === 0) return setOptions(canvas, options);
  return setOptions(withArguments(canvas, args, kwargs), options);
}
function withArguments(canvas: Canvas, args: readonly Json[], kwargs: JsonObject): Canvas {
  const member = (each: Canvas): Canvas => withArguments(each, args, kwargs);
  switch (canvas.kind) {
    case "task":
      return canvas.immutable ? canvas : { ...canvas, args: [...args, ...canvas.args], kwargs: { ...canvas.kwargs, ...kwargs } };
    case "chain":
      return { ...canvas, items: canvas.items.map((item, index) => (index === 0 ? member(item) : item)) };
    case "group":
      return { ...canvas, members: canvas.members.map(member) };
    case "chord":
      return { ...canvas, header: member(canvas.header) as Group };
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return canvas;
    default:
      return assertNever(canvas);
  }
}

/** Options that say when a canvas starts: only what starts first can follow them. */
const TIMING = new Set<keyof SignatureOptions>(["countdown", "eta", "expires"]);
/**
 * Options over its own, stamps apart. A group hands them to its members; a chain gives its first step all of them and the others those that say where and how
 * they run, unless they say it themselves; a chord treats its body like such another step.
 */
export function setOptions(canvas: Canvas, options: SignatureOptions): Canvas {
  if (Object.keys(options).length === 0) return canvas;
  const first = (each: Canvas): Canvas => setOptions(each, options);
  const later = (each: Canvas): Canvas => setDefaults(each, options);
  switch (canvas.kind) {
    case "task":
      return { ...canvas, options: mergedOptions(canvas.options, options) };
    case "chunks":
      return { ...canvas, options: mergedOptions(canvas.options, options) };
    case "group":
      return { ...canvas, members: canvas.members.map(first) };
    case "chain":
      return { ...canvas, items: canvas.items.map((item, index) => (index === 0 ? first(item) : later(item))) };
    case "chord":
      return { ...canvas, header: first(canvas.header) as Group, body: later(canvas.body) };
    case "when":
    case "repeat":
      return withParts(canvas, first);
    case "wait":
      return options.expires === undefined ? canvas : { ...canvas, expires: options.expires };
    default:
      return assertNever(canvas);
  }
}
function setDefaults(canvas: Canvas, options: SignatureOptions): Canvas {
  const member = (each: Canvas): Canvas => setDefaults(each, options);
  switch (canvas.kind) {
    case "task":
    case "chunks": {
      const given = Object.entries(options).filter(([name]) => !TIMING.has(name as keyof SignatureOptions));
      return { ...canvas, options: { ...Object.fromEntries(given), ...canvas.options } };
    }
    case "group":
      return { ...canvas, members: canvas.members.map(member) };
    case "chain":
      return { ...canvas, items: canvas.items.map(member) };
    case "chord":
      return { ...canvas, header: member(canvas.header) as Group, body: member(canvas.body) };
    case "when":
    case "repeat":
      return withParts(canvas, member);
    case "wait":
      return canvas;
    default:
      return assertNever(canvas);
  }
}
function mergedOptions(own: SignatureOptions, { stamps, headers, ...options }: SignatureOptions): SignatureOptions {
  return {
    ...own,
    ...options,
    ...((own.stamps ?? stamps) && { stamps: { ...stamps, ...own.stamps } }),
    ...((own.headers ?? headers) && { headers: { ...own.headers, ...headers } }),
  };
}
/** The parts that are given instead of its own; of a composition only the options, merged. */
export function replaceParts(canvas: Canvas, { args, kwargs, options }: Partials): Canvas {
  if (canvas.kind !== "task") return options === undefined ? canvas : setOptions(canvas, options);
  return { ...canvas, ...(args && { args }), ...(kwargs && { kwargs }), ...(options && { options }) };
}
/** Of what could be given something from outside: of a group each member, of a chord its header, of a chain its first step. */
export function setImmutable(canvas: Canvas, immutable: boolean): Canvas {
  const member = (each: Canvas): Canvas => setImmutable(each, immutable);
  switch (canvas.kind) {
    case "task":
      return canvas.each ? canvas : { ...canvas, immutable };
    case "chain":
      return { ...canvas, items: canvas.items.map((item, index) => (index === 0 ? member(item) : item)) };
    case "group":
      return { ...canvas, members: canvas.members.map(member) };
    case "chord":
      return { ...canvas, header: member(canvas.header) as Group };
    case "chunks":
    case "when":
    case "repeat":
    case "wait":
      return canvas;
    default:
      return assertNever(canvas);
  }
}
export function setGroupOptions(group: Group, options: GroupOptions): Group {
  return Object.keys(options).length === 0 ? group : { ...group, options: { ...group.options, ...options } };
}
/** Members start one after the other: `start`, `start + step` .. seconds from now, and what comes after `stop` with the last of these. */
export function skew(group: Group, { start = 1, stop, step = 1 }: { readonly start?: number; readonly stop?: number; readonly step?: number } = {}): Group {
  let last = start;
  const members = group.members.map((member, index) => {
    const countdown = start + index * step;
    if (stop === undefined || countdown <= stop) last = countdown;
    return setOptions(member, { countdown: last });
  });
  return { ...group, members };
}
