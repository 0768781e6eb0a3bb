import { FanfoldError } from "../errors.ts";
import { checkCanvasDepth } from "./canvas-depth.ts";
import type { Canvas } from "./canvas.ts";

const KINDS: ReadonlySet<unknown> = new Set<Canvas["kind"]>([
  "task",
  "chain",
  "group",
  "chord",
  "chunks",
  "when",
  "repeat",
  "wait",
  "graph",
]);

/**
 * Returns the canvas of a builder, or the canvas itself.
 * @throws FanfoldError `invalid_canvas` for any other value, for instance a task that was not made a signature;
 *   `too_deep`
 */
export function canvasOf(given: unknown): Canvas {
  if ((typeof given === "object" && given !== null) || typeof given === "function") {
    const canvas = (given as { canvas?: unknown }).canvas ?? given;
    if (KINDS.has((canvas as { kind?: unknown }).kind)) {
      checkCanvasDepth(canvas as Canvas);
      return canvas as Canvas;
    }
    if (typeof (given as { s?: unknown }).s === "function")
      throw invalidCanvas("this is a task, not a signature: write task.s(..)");
  }
  throw invalidCanvas("this is not a canvas: give a signature, chain(..), group(..) or chord(..)");
}
export function invalidCanvas(message: string): FanfoldError {
  return new FanfoldError("invalid_canvas", message, { details: { field: "" } });
}
