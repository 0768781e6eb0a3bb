import { encodeCanvas, parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas } from "../core/canvas/canvas.ts";
import type { ValueCondition } from "../core/canvas/value-condition.ts";
import type { Json } from "../core/json.ts";
import type { ApprovalAnswer, EventValue, KnownApproval, KnownEvent } from "../core/names/known-names.ts";
import { builderOf, canvasOf } from "./builder-methods.ts";
import type { AllOf, CanvasSource, Fits, RestOf, ResultOf, TypedCanvas } from "./builder-types.ts";

/** Builds the canvas from its wire form, so that the rules of the canvas reader are the only ones. */
function read(node: { readonly [key: string]: unknown }): Canvas {
  return parseCanvas(structuredClone(node), { maxBytes: Number.POSITIVE_INFINITY });
}
const wire = (source: CanvasSource): Json => {
  const { v: _version, ...node } = encodeCanvas(canvasOf(source)) as { readonly [key: string]: Json };
  return node;
};

/**
 * Returns a canvas that passes the value of the previous step to `does` or to `otherwise`. Without `otherwise` that
 * value is the result.
 * @throws FanfoldError `invalid_canvas` for an invalid condition
 * @example chain(count.s(), when({ is: "gt", value: 1000 }, archive.s(), keep.s()));
 */
export function when<Do extends CanvasSource>(
  condition: ValueCondition,
  does: Do,
): TypedCanvas<ResultOf<Do> | RestOf<Do>[0], RestOf<Do>, false>;
export function when<Do extends CanvasSource, Otherwise extends CanvasSource>(
  condition: ValueCondition,
  does: Do,
  otherwise: Otherwise,
): TypedCanvas<ResultOf<Do> | ResultOf<Otherwise>, AllOf<RestOf<Do> | RestOf<Otherwise>>, false>;
export function when(condition: ValueCondition, does: CanvasSource, otherwise?: CanvasSource): unknown {
  return builderOf(
    read({ when: { condition, do: wire(does), ...(otherwise !== undefined && { otherwise: wire(otherwise) }) } }),
  );
}

/**
 * Returns a canvas that repeats `body`, each time with its previous value, until `until` holds for the value. Fails
 * with reason `repeat_limit` after `most` repetitions.
 * @throws FanfoldError `invalid_canvas`
 * @example chain(submitOrder.s(order), repeat(poll.s(), { until: { is: "eq", path: "/state", value: "done" }, most: 100 }));
 */
export function repeat<Body extends CanvasSource>(
  body: Body & Fits<ResultOf<Body>, Body>,
  bound: { readonly until: ValueCondition; readonly most: number },
): TypedCanvas<ResultOf<Body>, RestOf<Body>, false> {
  return builderOf(read({ repeat: { body: wire(body), until: bound.until, most: bound.most } })) as never;
}

/** Options of a wait. */
export interface WaitOptions {
  /** Seconds until the wait is cancelled with reason `expired`. Default: until the job ends. */
  readonly expires?: number;
}
/**
 * Returns a canvas that waits for an answer to this very run: an approval, or work done elsewhere. The answer must
 * carry the token that the run shows, and is the value.
 * @param name a label for people, without white space
 * @throws FanfoldError `invalid_canvas`
 * @example chain(draft.s(), approval("publish-report", { expires: 86_400 }), publish.s());
 */
export function approval<Result = never, const Name extends KnownApproval = KnownApproval>(
  name: Name,
  options: WaitOptions = {},
): TypedCanvas<[Result] extends [never] ? ApprovalAnswer<Name, Json> : Result, [], true> {
  return builderOf(read({ approval: { name, ...options } })) as never;
}
/**
 * Returns a canvas that waits for an event of its job. An event that was sent earlier counts too. The value is that of
 * the event.
 * @throws FanfoldError `invalid_canvas`
 * @example chain(order.s(), waitForEvent<Payment>("paid"), ship.s());
 */
export function waitForEvent<Result = never, const Name extends KnownEvent = KnownEvent>(
  name: Name,
  options: WaitOptions = {},
): TypedCanvas<[Result] extends [never] ? EventValue<Name, Json> : Result, [], true> {
  return builderOf(read({ event: { name, ...options } })) as never;
}
