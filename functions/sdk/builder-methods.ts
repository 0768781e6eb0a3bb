import { chunkGroup, pipe } from "../core/canvas/canvas-composition.ts";
import { checkCanvasDepth } from "../core/canvas/canvas-depth.ts";
import { type LinkRules, withLink, withLinkError } from "../core/canvas/canvas-links.ts";
import { clone, type Partials, setImmutable, setOptions, skew } from "../core/canvas/canvas-parts.ts";
import { canvasOf as readCanvasOf } from "../core/canvas/canvas-of.ts";
import { type Marks, stamp, type StampRules, type StampVisitor } from "../core/canvas/canvas-stamp.ts";
import { encodeCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas, SignatureOptions } from "../core/canvas/canvas.ts";
import { readSignatureOptions } from "../core/canvas/signature-options.ts";
import { toJson } from "../core/json-check.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { CanvasSource } from "./builder-types.ts";
import { type SubmitCall, submitCanvas, type SubmittedJob } from "./submitter.ts";

/** The state of a builder: its canvas, and a function that makes a builder of the same kind for another canvas. */
export interface BuilderState {
  readonly canvas: Canvas;
  readonly remade: (canvas: Canvas) => unknown;
}

/** Returns the canvas of a source. Throws what `canvasOf` of core throws. */
export const canvasOf: (source: CanvasSource) => Canvas = readCanvasOf;

/** Checks arguments and options where they are written, so that the stack of an error leads to the wrong line. */
export function checkedParts(parts: {
  readonly args?: readonly unknown[];
  readonly kwargs?: { readonly [name: string]: unknown };
  readonly options?: SignatureOptions;
}): Partials {
  return {
    ...(parts.args !== undefined && {
      args: toJson(parts.args, "/args", { code: "invalid_canvas" }) as readonly Json[],
    }),
    ...(parts.kwargs !== undefined && {
      kwargs: toJson(parts.kwargs, "/kwargs", { code: "invalid_canvas" }) as JsonObject,
    }),
    ...(parts.options !== undefined && { options: readSignatureOptions(parts.options, "/options") }),
  };
}

// All builders share one prototype, because a group of a million signatures has a million builders.
export const METHODS = {
  submit(this: BuilderState, call?: SubmitCall): Promise<SubmittedJob> {
    return submitCanvas(this.canvas, call);
  },
  async delay(this: BuilderState, ...rest: readonly unknown[]): Promise<SubmittedJob> {
    return submitCanvas(clone(this.canvas, checkedParts({ args: rest })));
  },
  toJSON(this: BuilderState): Json {
    return encodeCanvas(this.canvas);
  },
  pipe(this: BuilderState, next: CanvasSource): unknown {
    return builderOf(pipe(this.canvas, canvasOf(next)));
  },
  set(this: BuilderState, options: SignatureOptions): unknown {
    return this.remade(setOptions(this.canvas, readSignatureOptions(options, "/options")));
  },
  clone(
    this: BuilderState,
    args: readonly unknown[] = [],
    kwargs: JsonObject = {},
    options: SignatureOptions = {},
  ): unknown {
    return this.remade(clone(this.canvas, checkedParts({ args, kwargs, options })));
  },
  setImmutable(this: BuilderState, immutable = true): unknown {
    return this.remade(setImmutable(this.canvas, immutable));
  },
  link(this: BuilderState, callback: CanvasSource): unknown {
    return this.remade(withLink(this.canvas, canvasOf(callback)));
  },
  linkError(this: BuilderState, errback: CanvasSource, rules?: LinkRules): unknown {
    return this.remade(withLinkError(this.canvas, canvasOf(errback), rules));
  },
  stamp(this: BuilderState, marks: Marks, rules?: StampRules): unknown {
    return this.remade(stamp(this.canvas, toJson(marks, "/stamps", { code: "invalid_canvas" }) as Marks, {}, rules));
  },
  stampWith(this: BuilderState, visitor: StampVisitor, rules?: StampRules): unknown {
    return this.remade(stamp(this.canvas, {}, visitor, rules));
  },
};
const GROUP_METHODS = Object.assign(Object.create(METHODS) as typeof METHODS, {
  skew(this: BuilderState, range?: Parameters<typeof skew>[1]): unknown {
    return this.canvas.kind === "group" ? this.remade(skew(this.canvas, range)) : this;
  },
});
const CHUNKS_METHODS = Object.assign(Object.create(METHODS) as typeof METHODS, {
  group(this: BuilderState): unknown {
    return this.canvas.kind === "chunks" ? builderOf(chunkGroup(this.canvas)) : this;
  },
});

/**
 * Returns a builder for a canvas. The caller gives it its type.
 * @throws FanfoldError `too_deep`
 */
export function builderOf(canvas: Canvas): BuilderState {
  checkCanvasDepth(canvas);
  const methods = canvas.kind === "group" ? GROUP_METHODS : canvas.kind === "chunks" ? CHUNKS_METHODS : METHODS;
  return Object.freeze(Object.assign(Object.create(methods) as object, { canvas, remade: builderOf }));
}
