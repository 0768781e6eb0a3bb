import { FanfoldError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { Canvas } from "./canvas.ts";

/**
 * Throws `too_deep` unless the wire form of the canvas stays within `LIMITS.jsonDepth`. Functions that walk a canvas
 * call themselves for each level, so a canvas is checked before anything walks it.
 */
export function checkCanvasDepth(canvas: Canvas): void {
  levelsOf(canvas, LIMITS.jsonDepth);
}

/** JSON levels below a composition. Builders share their parts, so most of a new composition has been measured. */
const measured = new WeakMap<Canvas, number>();

/** Returns the JSON levels below a node. `room` bounds them, and thereby the stack. */
function levelsOf(canvas: Canvas, room: number): number {
  if (canvas.kind === "task" && !canvas.link && !canvas.linkError && room >= 0) return 0;
  const known = measured.get(canvas);
  if (room < (known ?? 0)) throw tooDeep();
  if (known !== undefined) return known;
  let levels = 0;
  const measure = (parts: readonly Canvas[] | undefined, below: number): void => {
    for (const part of parts ?? []) levels = Math.max(levels, below + levelsOf(part, room - below));
  };
  switch (canvas.kind) {
    case "chain":
      measure(canvas.items, 2);
      break;
    case "group":
      measure(canvas.members, 2);
      break;
    case "chord": {
      // A header without options is written as the bare list of its members.
      const bare = Object.keys(canvas.header.options).length === 0;
      measure(canvas.header.members, bare ? 3 : 4);
      measure([canvas.body], 2);
      break;
    }
    case "when":
      measure([canvas.do, ...(canvas.otherwise ? [canvas.otherwise] : [])], 2);
      break;
    case "repeat":
      measure([canvas.body], 2);
      break;
    case "graph":
      measure(
        canvas.nodes.map((node) => node.do),
        3,
      );
      break;
    default:
  }
  if ("link" in canvas) measure(canvas.link, 2);
  if ("linkError" in canvas) measure(canvas.linkError, 2);
  if (levels > 0) measured.set(canvas, levels);
  return levels;
}
function tooDeep(): FanfoldError {
  return new FanfoldError(
    "too_deep",
    `the canvas is nested more than ${LIMITS.jsonDepth} levels deep; a chain needs no nesting for its steps`,
    { details: { field: "", maxDepth: LIMITS.jsonDepth } },
  );
}
