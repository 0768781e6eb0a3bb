import { normalised } from "../../functions/core/canvas/canvas-composition.ts";
import { encodeCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import type { Canvas } from "../../functions/core/canvas/canvas.ts";
import type { Json, JsonObject } from "../../functions/core/json.ts";

/** A canvas as the notation writes it in `sig` and `original`: compositions resolved, no version, defaults left out. */
export function normalForm(canvas: Canvas): Json {
  const { v: _version, ...node } = encodeCanvas(normalised(canvas)) as JsonObject;
  return node;
}
