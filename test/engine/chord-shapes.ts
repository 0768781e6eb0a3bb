import type { Json } from "../../functions/core/json.ts";
import { defineTask } from "../../functions/sdk/index.ts";

export const one = defineTask({ name: "one", run: () => 1 });
export const total = defineTask({
  name: "total",
  run: (_ctx, ones: readonly number[]) => ones.reduce((sum, each) => sum + each, 0),
});

export type Wire = { readonly [key: string]: Json };

/** Returns members with distinct arguments, so that nothing of a plan can be shared. */
const members = (width: number, level: number): readonly Wire[] =>
  Array.from({ length: width }, (_, k) => ({ task: "one", args: [`member ${k} of level ${level}`] }));
const body: Wire = { task: "total" };

/** Returns a chain of chords. */
export const chainOfChords = (chords: number, width: number): Wire => ({
  chain: Array.from({ length: chords }, (_, level) => ({ chord: { header: members(width, level), body } })),
});
/** Returns chords that are nested in headers. Each chord is a member of the next chord's header. */
export function nestedInHeader(depth: number, width: number): Wire {
  const below = depth === 1 ? [] : [nestedInHeader(depth - 1, width)];
  return { chord: { header: [...below, ...members(width - below.length, depth)], body } };
}
/** Returns chords that are nested in bodies. Each chord is the body of the next. */
export function nestedInBody(depth: number, width: number): Wire {
  return { chord: { header: members(width, depth), body: depth === 1 ? body : nestedInBody(depth - 1, width) } };
}
/** Returns the number of runs that the canvas becomes. */
export function runsOf(canvas: Json): number {
  if (canvas === null || typeof canvas !== "object") return 0;
  if (Array.isArray(canvas)) return canvas.reduce((total: number, each: Json) => total + runsOf(each), 0);
  return ("task" in canvas ? 1 : 0) + runsOf(Object.values(canvas));
}
