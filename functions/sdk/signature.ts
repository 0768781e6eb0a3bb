import type { Signature, SignatureOptions } from "../core/canvas.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { toJson } from "../core/json-check.ts";
import { readSignatureOptions } from "../core/signature-options.ts";
import type { CanvasBuilder } from "./canvas-builder.ts";
import type { Ends, Missing } from "./partial-args.ts";
import { submitCanvas, type SubmitCall, type SubmittedJob } from "./submitter.ts";

/**
 * One invocation of a task, not yet started. Immutable: every method gives a new one. `Rest` are the arguments it still misses, from the left; in a
 * chain the first of them is the result of the step before.
 */
export interface TaskSignature<Rest extends readonly unknown[] = readonly unknown[], Result = unknown> extends CanvasBuilder<Result> {
  /**
   * Runs the task here and now, in this process and without an engine; `rest` goes before the arguments it has. Throws what the task throws.
   * @example await add.s(4)(2); // 6
   */
  (...rest: Rest): Promise<Result>;
  readonly canvas: Signature;
  /**
   * With these options over its own. Times are seconds, `eta` is milliseconds since the epoch.
   * @throws FanfoldError `invalid_canvas`, `invalid_queue_name`
   * @example add.s(1, 2).set({ queue: "highpriority", countdown: 60 });
   */
  set(options: SignatureOptions): TaskSignature<Rest, Result>;
  /**
   * With `args` before its own arguments, `kwargs` and `options` over its own. An immutable signature takes the options only.
   * @throws FanfoldError `invalid_canvas` for what is not JSON, `payload_too_large`, `too_deep`
   */
  clone<const Given extends Ends<Rest>>(args?: Given, kwargs?: JsonObject, options?: SignatureOptions): TaskSignature<Missing<Rest, Given>, Result>;
}

/** Runs a signature's task inline. */
export type RunInline = (args: readonly Json[], kwargs: JsonObject) => Promise<unknown>;

export interface SignatureParts {
  readonly args?: readonly unknown[];
  readonly kwargs?: { readonly [name: string]: unknown };
  readonly options?: SignatureOptions;
  readonly immutable?: boolean;
}

export function createSignature(task: string, parts: SignatureParts, runInline: RunInline): TaskSignature {
  return signatureOf({ kind: "task", task, args: [], kwargs: {}, options: {}, immutable: parts.immutable ?? false, ...checkedParts(parts) }, runInline);
}

/** Checked where they are written, so that the stack of an error leads to the line that is wrong. */
function checkedParts(parts: SignatureParts): Partial<Pick<Signature, "args" | "kwargs" | "options">> {
  return {
    ...(parts.args !== undefined && { args: toJson(parts.args, "/args", { code: "invalid_canvas" }) as readonly Json[] }),
    ...(parts.kwargs !== undefined && { kwargs: toJson(parts.kwargs, "/kwargs", { code: "invalid_canvas" }) as JsonObject }),
    ...(parts.options !== undefined && { options: readSignatureOptions(parts.options, "/options") }),
  };
}

interface SignatureState {
  readonly canvas: Signature;
  readonly runInline: RunInline;
}

// One prototype for all: a group of a million signatures has a million functions, but not a million methods.
const METHODS = {
  set(this: SignatureState, options: SignatureOptions): TaskSignature {
    return signatureOf({ ...this.canvas, options: { ...this.canvas.options, ...readSignatureOptions(options, "/options") } }, this.runInline);
  },
  clone(this: SignatureState, args: readonly unknown[] = [], kwargs: JsonObject = {}, options: SignatureOptions = {}): TaskSignature {
    const { canvas } = this;
    const more = checkedParts({ args, kwargs, options });
    const merged = { ...canvas, options: { ...canvas.options, ...more.options } };
    if (canvas.immutable) return signatureOf(merged, this.runInline);
    return signatureOf({ ...merged, args: [...(more.args ?? []), ...canvas.args], kwargs: { ...canvas.kwargs, ...more.kwargs } }, this.runInline);
  },
  submit(this: SignatureState, call?: SubmitCall): Promise<SubmittedJob> {
    return submitCanvas(this.canvas, call);
  },
};

function signatureOf(canvas: Signature, runInline: RunInline): TaskSignature {
  const call = async (...rest: unknown[]): Promise<unknown> => {
    const args = toJson(rest, "/args", { code: "invalid_canvas" }) as readonly Json[];
    return runInline(canvas.immutable ? canvas.args : [...args, ...canvas.args], canvas.kwargs);
  };
  return Object.freeze(Object.assign(Object.setPrototypeOf(call, METHODS), { canvas, runInline })) as TaskSignature;
}
