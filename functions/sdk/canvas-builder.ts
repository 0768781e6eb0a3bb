import { chainOf } from "../core/canvas/canvas-composition.ts";
import { parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas, Group, GroupOptions } from "../core/canvas/canvas.ts";
import { readGroupOptions } from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { builderOf, canvasOf, invalidCanvas } from "./builder-methods.ts";
import type {
  CanvasSource,
  Fits,
  GroupBuilder,
  ImmutableOf,
  MemberResult,
  MemberResults,
  MembersImmutable,
  MembersRest,
  RestOf,
  ResultOf,
  StepResult,
  TypedCanvas,
} from "./builder-types.ts";

export { canvasOf } from "./builder-methods.ts";
export type * from "./builder-types.ts";

/** Canvases of the sources, in order. Stops beyond `most`, so that an endless iterable is an error and not the end of the memory. */
export function canvasesOf(sources: Iterable<CanvasSource>, most: number): Canvas[] {
  const canvases: Canvas[] = [];
  for (const source of sources) {
    if (canvases.length >= most) {
      throw new FanfoldError("too_many_children", `more than ${most} canvases are given at once; a streaming task has no such bound`, { details: { most } });
    }
    canvases.push(canvasOf(source));
  }
  return canvases;
}

/** Each item with what makes it an error when it does not take what the one before gives. */
type Steps<Items extends readonly unknown[]> = { readonly [Index in keyof Items]: Items[Index] & At<Terms<Items>, Index> };
type At<List, Index> = Index extends keyof List ? List[Index] : unknown;
type Terms<Items extends readonly unknown[], Checked extends readonly unknown[] = [unknown]> = number extends Items["length"]
  ? readonly unknown[]
  : Items extends readonly [infer Before, infer Next, ...infer Others]
    ? Terms<[Next, ...Others], [...Checked, Fits<StepResult<Before>, Next>]>
    : Checked;
type First<Items extends readonly unknown[]> = Items extends readonly [infer Item, ...unknown[]] ? Item : unknown;
type Last<Items extends readonly unknown[]> = Items extends readonly [...unknown[], infer Item] ? Item : unknown;

/**
 * Runs its items one after the other; each receives the result of the one before as first argument. Chains in it are spliced, and a group with something after
 * it is a chord. A group without options is its member when it has only one, and is passed over when it has none: where the number of members is not known
 * beforehand, `chord` and `pipe` always give a list.
 * @throws FanfoldError `invalid_canvas` when it is empty.
 * @example chain(add.s(2, 2), add.s(4)); // 8
 */
export function chain<const Items extends readonly CanvasSource[]>(
  ...items: Steps<Items>
): TypedCanvas<StepResult<Last<Items>>, RestOf<First<Items>>, ImmutableOf<First<Items>>> {
  return builderOf(chainOf(canvasesOf(items as unknown as readonly CanvasSource[], LIMITS.strandSteps))) as never;
}

/**
 * Runs its members side by side; its value is the list of their results, in their order. An empty group gives an empty list. A group in it that has no options
 * dissolves: its members are members of this one.
 * @param options `policy`: when the group has failed (default `allSuccess`); `tracking`: whether waiting members have rows (default `lazy`).
 * @throws FanfoldError `invalid_canvas`, or `too_many_children` above 1,000,000 members.
 * @example group([1, 2, 3].map((i) => add.s(i, i)), { policy: "settled" });
 */
export function group<const Members extends readonly CanvasSource[]>(members: Members): GroupOf<Members, true>;
export function group<const Members extends readonly CanvasSource[]>(members: Members, options: GroupOptions): GroupOf<Members, false>;
export function group<Source extends CanvasSource>(
  members: Iterable<Source>,
  options?: GroupOptions,
): GroupBuilder<MemberResult<Source>[], MembersRest<Source>, boolean, MembersImmutable<Source>>;
export function group(members: Iterable<CanvasSource>, options: GroupOptions = {}): GroupBuilder {
  return builderOf(groupOf(members, options)) as unknown as GroupBuilder;
}
type GroupOf<Members extends readonly unknown[], Plain extends boolean> = GroupBuilder<
  MemberResults<Members>,
  MembersRest<Members[number]>,
  Plain,
  MembersImmutable<Members[number]>
>;

function groupOf(members: Iterable<CanvasSource>, options: GroupOptions): Group {
  return { kind: "group", members: canvasesOf(members, LIMITS.groupMembers), options: readGroupOptions(options, "/options") };
}

/** What the header of a chord may be: a group, or what makes one. */
type HeaderSource = { readonly canvas: Group } | Group | Iterable<CanvasSource>;
type HeaderResults<Header> = Header extends readonly CanvasSource[]
  ? MemberResults<Header>
  : Header extends Iterable<infer Source>
    ? MemberResult<Source>[]
    : ResultOf<Header>;
type HeaderRest<Header> = Header extends Iterable<infer Source> ? MembersRest<Source> : RestOf<Header>;

/**
 * Runs `header` as a group, then `body` with the list of its results as first argument.
 * @example chord([1, 2, 3].map((i) => add.s(i, i)), sum.s()); // 12
 */
export function chord<const Header extends HeaderSource, Body extends CanvasSource>(
  header: Header,
  body: Body & Fits<HeaderResults<Header>, Body>,
): TypedCanvas<ResultOf<Body>, HeaderRest<Header>, false> {
  return builderOf({ kind: "chord", header: headerOf(header), body: canvasOf(body) }) as never;
}
function headerOf(header: HeaderSource): Group {
  if (isIterable(header)) return groupOf(header, {});
  const canvas = canvasOf(header as CanvasSource);
  if (canvas.kind !== "group") throw invalidCanvas("the header of a chord is a group or an iterable of canvases");
  return canvas;
}

/**
 * A builder over a canvas in its wire form: what `toJSON` gave, or another program. Nothing is known of its types.
 * @throws FanfoldError `invalid_canvas`, `too_deep`, `too_many_children`, `payload_too_large`
 * @example canvasFrom(JSON.parse(text)).submit();
 */
export function canvasFrom(wire: unknown): TypedCanvas<unknown, readonly unknown[], boolean> {
  return builderOf(parseCanvas(structuredClone(wire))) as never;
}

export function isIterable(value: unknown): value is Iterable<CanvasSource> {
  return typeof value === "object" && value !== null && typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === "function";
}
