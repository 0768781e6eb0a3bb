import { normalised } from "../../functions/core/canvas/canvas-composition.ts";
import { encodeCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import type { Canvas } from "../../functions/core/canvas/canvas.ts";
import type { Json, JsonObject } from "../../functions/core/json.ts";

/**
 * Returns a canvas as the notation writes it in `sig` and `original`. Compositions are resolved, and versions and
 * defaults are left out.
 */
export function normalForm(canvas: Canvas): Json {
  const { v: _version, ...node } = encodeCanvas(normalised(canvas)) as JsonObject;
  return node;
}
