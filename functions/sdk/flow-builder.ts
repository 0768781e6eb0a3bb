import { encodeCanvas, parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas } from "../core/canvas/canvas.ts";
import type { ValueCondition } from "../core/canvas/value-condition.ts";
import type { Json } from "../core/json.ts";
import { builderOf, canvasOf } from "./builder-methods.ts";
import type { AllOf, CanvasSource, Fits, RestOf, ResultOf, TypedCanvas } from "./builder-types.ts";

/** What follows is checked by the one who reads canvases of unknown origin, so that its rules stand in one place. */
function read(node: { readonly [key: string]: unknown }): Canvas {
  return parseCanvas(structuredClone(node), { maxBytes: Number.POSITIVE_INFINITY });
}
const wire = (source: CanvasSource): Json => {
  const { v: _version, ...node } = encodeCanvas(canvasOf(source)) as { readonly [key: string]: Json };
  return node;
};

/**
 * One of two ways, by the value of the step before, which the way is given. Without `otherwise` that value goes on as it is.
 * @throws FanfoldError `invalid_canvas` for a condition that cannot be asked
 * @example chain(count.s(), when({ is: "gt", value: 1000 }, archive.s(), keep.s()));
 */
export function when<Do extends CanvasSource>(condition: ValueCondition, does: Do): TypedCanvas<ResultOf<Do> | RestOf<Do>[0], RestOf<Do>, false>;
export function when<Do extends CanvasSource, Otherwise extends CanvasSource>(
  condition: ValueCondition,
  does: Do,
  otherwise: Otherwise,
): TypedCanvas<ResultOf<Do> | ResultOf<Otherwise>, AllOf<RestOf<Do> | RestOf<Otherwise>>, false>;
export function when(condition: ValueCondition, does: CanvasSource, otherwise?: CanvasSource): unknown {
  return builderOf(read({ when: { condition, do: wire(does), ...(otherwise !== undefined && { otherwise: wire(otherwise) }) } }));
}

/**
 * `body` again and again, each time with the value of the time before, until its value is such. Fails with reason `repeat_limit` after `most` times.
 * @throws FanfoldError `invalid_canvas`
 * @example chain(submitOrder.s(order), repeat(poll.s(), { until: { is: "eq", path: "/state", value: "done" }, most: 100 }));
 */
export function repeat<Body extends CanvasSource>(
  body: Body & Fits<ResultOf<Body>, Body>,
  bound: { readonly until: ValueCondition; readonly most: number },
): TypedCanvas<ResultOf<Body>, RestOf<Body>, false> {
  return builderOf(read({ repeat: { body: wire(body), until: bound.until, most: bound.most } })) as never;
}

/** Seconds after which a wait is cancelled with reason `expired`. Default: with its job. */
export interface WaitOptions {
  readonly expires?: number;
}
/**
 * Waits until somebody answers this very run, with the token that the run shows: an approval, or work done elsewhere. Its value is the answer.
 * @param name for people; without white space.
 * @example chain(draft.s(), approval("publish-report", { expires: 86_400 }), publish.s());
 */
export function approval<Result = Json>(name: string, options: WaitOptions = {}): TypedCanvas<Result, [], true> {
  return builderOf(read({ approval: { name, ...options } })) as never;
}
/**
 * Waits for an event of its job; one that came before counts too. Its value is what the event brought.
 * @example chain(order.s(), waitForEvent<Payment>("paid"), ship.s());
 */
export function waitForEvent<Result = Json>(name: string, options: WaitOptions = {}): TypedCanvas<Result, [], true> {
  return builderOf(read({ event: { name, ...options } })) as never;
}
