import { chainOf } from "../core/canvas/canvas-composition.ts";
import { invalidCanvas } from "../core/canvas/canvas-of.ts";
import { parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas, FailurePolicy, Group, GroupOptions } from "../core/canvas/canvas.ts";
import { readGroupOptions } from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { builderOf, canvasOf } from "./builder-methods.ts";
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
  WithFailures,
} from "./builder-types.ts";

export { canvasOf } from "./builder-methods.ts";
export type * from "./builder-types.ts";

/**
 * Returns the canvases of the sources, in order. Throws beyond `most`, so that an endless iterable does not exhaust the
 * memory.
 */
export function canvasesOf(sources: Iterable<CanvasSource>, most: number): Canvas[] {
  const canvases: Canvas[] = [];
  for (const source of sources) {
    if (canvases.length >= most) {
      throw new FanfoldError(
        "too_many_children",
        `more than ${most} canvases are given at once; a streaming task has no such bound`,
        { details: { most } },
      );
    }
    canvases.push(canvasOf(source));
  }
  return canvases;
}

/** Each item, with a type that makes it an error when it does not take the value of the item before. */
type Steps<Items extends readonly unknown[]> = {
  readonly [Index in keyof Items]: Items[Index] & At<Terms<Items>, Index>;
};
type At<List, Index> = Index extends keyof List ? List[Index] : unknown;
type Terms<
  Items extends readonly unknown[],
  Checked extends readonly unknown[] = [unknown],
> = number extends Items["length"]
  ? readonly unknown[]
  : Items extends readonly [infer Before, infer Next, ...infer Others]
    ? Terms<[Next, ...Others], [...Checked, Fits<StepResult<Before>, Next>]>
    : Checked;
type First<Items extends readonly unknown[]> = Items extends readonly [infer Item, ...unknown[]] ? Item : unknown;
type Last<Items extends readonly unknown[]> = Items extends readonly [...unknown[], infer Item] ? Item : unknown;

/**
 * Returns a canvas that runs its items one after the other. Each item receives the result of the one before as first
 * argument. Nested chains are spliced, and a group with a successor becomes a chord.
 *
 * A group without options is replaced by its member when it has exactly one, and skipped when it has none. `chord` and
 * `pipe` always pass a list, so use them when the number of members varies.
 * @throws FanfoldError `invalid_canvas` without items
 * @example chain(add.s(2, 2), add.s(4)); // 8
 */
export function chain<const Items extends readonly CanvasSource[]>(
  ...items: Steps<Items>
): TypedCanvas<StepResult<Last<Items>>, RestOf<First<Items>>, ImmutableOf<First<Items>>> {
  return builderOf(chainOf(canvasesOf(items as unknown as readonly CanvasSource[], LIMITS.strandSteps))) as never;
}

/**
 * Returns a canvas that runs its members side by side. Its value is the list of their results in member order; an empty
 * group gives an empty list. A nested group without options dissolves, so its members become members of this group.
 * With the policies `settled`, `threshold` and `percent`, an entry of the list may be a `FailedMember`.
 * @param options `policy`: when the group has failed (default `allSuccess`). `tracking`: what is stored for its members
 *   (default: what all their tasks declare, else `lazy`).
 * @throws FanfoldError `invalid_canvas`, or `too_many_children` above 1,000,000 members
 * @example group([1, 2, 3].map((i) => add.s(i, i)), { policy: "settled" });
 */
export function group<const Members extends readonly CanvasSource[]>(members: Members): GroupOf<Members, true>;
export function group<const Members extends readonly CanvasSource[], Policy extends FailurePolicy = "allSuccess">(
  members: Members,
  options: OptionsWith<Policy>,
): GroupOf<Members, false, Policy>;
export function group<Source extends CanvasSource, Policy extends FailurePolicy = "allSuccess">(
  members: Iterable<Source>,
  options?: OptionsWith<Policy>,
): GroupBuilder<WithFailures<MemberResult<Source>[], Policy>, MembersRest<Source>, boolean, MembersImmutable<Source>>;
export function group(members: Iterable<CanvasSource>, options: GroupOptions = {}): GroupBuilder {
  return builderOf(groupOf(members, options)) as unknown as GroupBuilder;
}
type OptionsWith<Policy> = Omit<GroupOptions, "policy"> & { readonly policy?: Policy };
type GroupOf<
  Members extends readonly unknown[],
  Plain extends boolean,
  Policy extends FailurePolicy = "allSuccess",
> = GroupBuilder<
  WithFailures<MemberResults<Members>, Policy>,
  MembersRest<Members[number]>,
  Plain,
  MembersImmutable<Members[number]>
>;

function groupOf(members: Iterable<CanvasSource>, options: GroupOptions): Group {
  return {
    kind: "group",
    members: canvasesOf(members, LIMITS.groupMembers),
    options: readGroupOptions(options, "/options"),
  };
}

/** The header of a chord: a group, or its members. */
type HeaderSource = { readonly canvas: Group } | Group | Iterable<CanvasSource>;
type HeaderResults<Header> = Header extends readonly CanvasSource[]
  ? MemberResults<Header>
  : Header extends Iterable<infer Source>
    ? MemberResult<Source>[]
    : ResultOf<Header>;
type HeaderRest<Header> = Header extends Iterable<infer Source> ? MembersRest<Source> : RestOf<Header>;

/**
 * Returns a canvas that runs `header` as a group, then `body` with the list of results as first argument.
 * @throws FanfoldError `invalid_canvas`, or `too_many_children` above 1,000,000 members
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
 * Returns a builder for a canvas in wire form, from `toJSON` or from another program. Its types are unknown.
 * @throws FanfoldError `invalid_canvas`, `too_deep`, `too_many_children`, `payload_too_large`
 * @example canvasFrom(JSON.parse(text)).submit();
 */
export function canvasFrom(wire: unknown): TypedCanvas<unknown, readonly unknown[], boolean> {
  return builderOf(parseCanvas(structuredClone(wire))) as never;
}

export function isIterable(value: unknown): value is Iterable<CanvasSource> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === "function"
  );
}
