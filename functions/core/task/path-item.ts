import { isPlainObject } from "../json-check.ts";

/** What is wrong with an item of a path task: the part of it, as a JSON pointer, and the problem. */
export interface ItemProblem {
  readonly at: string;
  readonly problem: string;
}
/** Returns what is wrong with an item. Returns undefined for an item: an object with a path, and perhaps a size. */
export function itemProblem(given: unknown): ItemProblem | undefined {
  if (!isPlainObject(given)) return { at: "", problem: 'must be an object with a path, such as { "path": "/data/a" }' };
  const { path, size } = given as { readonly path?: unknown; readonly size?: unknown };
  if (typeof path !== "string" || path === "") return { at: "/path", problem: "must be a text that is not empty" };
  if (size !== undefined && !(typeof size === "number" && size >= 0))
    return { at: "/size", problem: "must be a number of bytes" };
  return undefined;
}
