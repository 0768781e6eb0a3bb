import type { Canvas, Group, GroupOptions } from "../core/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { readGroupOptions } from "../core/signature-options.ts";
import { submitCanvas, type SubmitCall, type SubmittedJob } from "./submitter.ts";

declare const resultOf: unique symbol;

/** An immutable canvas with what can be done to it. `Result` is the type of the value it ends with; it exists for the compiler only. */
export interface CanvasBuilder<Result = unknown> {
  /** The canvas as data. */
  readonly canvas: Canvas;
  /**
   * Starts it as a job.
   * @throws FanfoldError `engine_unavailable` without a submitter, and whatever the submitter refuses.
   */
  submit(call?: SubmitCall): Promise<SubmittedJob>;
  readonly [resultOf]?: Result;
}
/** Wherever a canvas is expected: a builder, or a canvas as data. */
export type CanvasSource<Result = unknown> = CanvasBuilder<Result> | Canvas;
export type ResultOf<Source> = Source extends CanvasBuilder<infer Result> ? Result : unknown;
type Last<Items extends readonly unknown[]> = Items extends readonly [...unknown[], infer Item] ? Item : unknown;

const KINDS: ReadonlySet<unknown> = new Set<Canvas["kind"]>(["task", "chain", "group", "chord"]);

/** The canvas of a source. Throws `invalid_canvas` for anything else, such as a task that was not made a signature. */
export function canvasOf(source: CanvasSource): Canvas {
  const given: unknown = source;
  if ((typeof given === "object" && given !== null) || typeof given === "function") {
    const canvas = (given as { canvas?: unknown }).canvas ?? given;
    if (KINDS.has((canvas as { kind?: unknown }).kind)) return canvas as Canvas;
    if (typeof (given as { s?: unknown }).s === "function") throw invalid("this is a task, not a signature: write task.s(..)");
  }
  throw invalid("this is not a canvas: give a signature, chain(..), group(..) or chord(..)");
}

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

function build<Result, Kind extends Canvas>(canvas: Kind): CanvasBuilder<Result> & { readonly canvas: Kind } {
  return Object.freeze({ canvas, submit: (call?: SubmitCall) => submitCanvas(canvas, call) });
}

/**
 * Runs its items one after the other; each receives the result of the one before as first argument. Chains in it are spliced.
 * @throws FanfoldError `invalid_canvas` when it is empty.
 * @example chain(add.s(2, 2), add.s(4)); // 8
 */
export function chain<Items extends readonly CanvasSource[]>(...items: Items): CanvasBuilder<ResultOf<Last<Items>>> {
  const canvases = canvasesOf(items, LIMITS.strandSteps).flatMap((canvas) => (canvas.kind === "chain" ? canvas.items : [canvas]));
  if (canvases.length === 0) throw invalid("a chain must not be empty");
  return build({ kind: "chain", items: canvases });
}

/** A group, as `chord` takes it for its header. */
export interface GroupBuilder<Result = unknown> extends CanvasBuilder<Result[]> {
  readonly canvas: Group;
}

/**
 * Runs its members side by side; its value is the list of their results, in their order. An empty group gives an empty list.
 * @param options `policy`: when the group has failed (default `allSuccess`); `tracking`: whether waiting members have rows (default `lazy`).
 * @throws FanfoldError `invalid_canvas`, or `too_many_children` above 1,000,000 members.
 * @example group([1, 2, 3].map((i) => add.s(i, i)), { policy: "settled" });
 */
export function group<Source extends CanvasSource>(members: Iterable<Source>, options: GroupOptions = {}): GroupBuilder<ResultOf<Source>> {
  return build({ kind: "group", members: canvasesOf(members, LIMITS.groupMembers), options: readGroupOptions(options, "/options") });
}

/**
 * Runs `header` as a group, then `body` with the list of its results as first argument.
 * @example chord([1, 2, 3].map((i) => add.s(i, i)), sum.s()); // 12
 */
export function chord<Body extends CanvasSource>(header: GroupBuilder | Group | Iterable<CanvasSource>, body: Body): CanvasBuilder<ResultOf<Body>> {
  return build({ kind: "chord", header: headerOf(header), body: canvasOf(body) });
}

function headerOf(header: GroupBuilder | Group | Iterable<CanvasSource>): Group {
  if (isIterable(header)) return group(header).canvas;
  const canvas = canvasOf(header);
  if (canvas.kind !== "group") throw invalid("the header of a chord is a group or an iterable of canvases");
  return canvas;
}

export function isIterable(value: unknown): value is Iterable<CanvasSource> {
  return typeof value === "object" && value !== null && typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === "function";
}
function invalid(message: string): FanfoldError {
  return new FanfoldError("invalid_canvas", message, { details: { field: "" } });
}
