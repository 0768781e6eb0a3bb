import { replaceParts } from "../core/canvas/canvas-parts.ts";
import type { Canvas, Signature, SignatureOptions } from "../core/canvas/canvas.ts";
import { toJson } from "../core/json-check.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { builderOf, type BuilderState, checkedParts, METHODS } from "./builder-methods.ts";
import type { TypedCanvas } from "./builder-types.ts";
import type { Ends, Missing } from "./partial-args.ts";

/**
 * One invocation of a task, not yet started. It is immutable, so every method returns a new signature. `Rest` are the
 * arguments that are still missing, from the left. In a chain the first of them is the result of the previous step,
 * unless `Immutable` is `true`.
 */
export interface TaskSignature<
  Rest extends readonly unknown[] = readonly unknown[],
  Result = unknown,
  Immutable extends boolean = false,
> extends TypedCanvas<Result, Rest, Immutable> {
  /**
   * Runs the task in this process, without an engine. `rest` goes before the arguments of the signature. Throws what
   * the task throws.
   * @example await add.s(4)(2); // 6
   */
  (...rest: Rest): Promise<Result>;
  readonly canvas: Signature;
  /**
   * Returns the signature with `args` before its own, and with `kwargs` and `options` over its own. An immutable
   * signature takes the options only.
   * @throws FanfoldError `invalid_canvas` for arguments that are not JSON, `payload_too_large`, `too_deep`
   */
  clone<const Given extends Ends<Rest>>(
    args?: Given,
    kwargs?: JsonObject,
    options?: SignatureOptions,
  ): TaskSignature<Missing<Rest, Given>, Result, Immutable>;
  /** Returns the signature so that it takes nothing from the previous step; `false` reverses that. */
  setImmutable<const Value extends boolean = true>(immutable?: Value): TaskSignature<Rest, Result, Value>;
  /** Returns the signature with the given parts in place of its own. The types of the parameters are not checked. */
  replace(parts: {
    readonly args?: readonly unknown[];
    readonly kwargs?: JsonObject;
    readonly options?: SignatureOptions;
  }): TaskSignature<[], Result, Immutable>;
}

/** Runs the task of a signature inline. */
export type RunInline = (args: readonly Json[], kwargs: JsonObject) => Promise<unknown>;

export interface SignatureParts {
  readonly args?: readonly unknown[];
  readonly kwargs?: { readonly [name: string]: unknown };
  readonly options?: SignatureOptions;
  readonly immutable?: boolean;
}

export function createSignature(task: string, parts: SignatureParts, runInline: RunInline): TaskSignature {
  const { args = NO_ARGS, kwargs = NOTHING, options = NOTHING } = checkedParts(parts);
  return signatureOf({ kind: "task", task, args, kwargs, options, immutable: parts.immutable ?? false }, runInline);
}
/** Shared, because most of a million signatures have neither arguments nor options. */
const NO_ARGS: readonly Json[] = Object.freeze([]);
const NOTHING = Object.freeze({});

interface SignatureState extends BuilderState {
  readonly runInline: RunInline;
}
const SIGNATURE_METHODS = Object.assign(Object.create(METHODS) as typeof METHODS, {
  replace(this: BuilderState, parts: Parameters<typeof checkedParts>[0]): unknown {
    return this.remade(replaceParts(this.canvas, checkedParts(parts)));
  },
  remade(this: SignatureState, canvas: Canvas): unknown {
    return canvas.kind === "task" ? signatureOf(canvas, this.runInline) : builderOf(canvas);
  },
});

function signatureOf(canvas: Signature, runInline: RunInline): TaskSignature {
  const call = async (...rest: unknown[]): Promise<unknown> => {
    const args = toJson(rest, "/args", { code: "invalid_canvas" }) as readonly Json[];
    return runInline(canvas.immutable ? canvas.args : [...args, ...canvas.args], canvas.kwargs);
  };
  return Object.freeze(
    Object.assign(Object.setPrototypeOf(call, SIGNATURE_METHODS), { canvas, runInline }),
  ) as TaskSignature;
}
