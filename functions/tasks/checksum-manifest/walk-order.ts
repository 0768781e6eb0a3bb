import type { Buffer } from "node:buffer";

const SLASH = 0x2f;

/**
 * Compares two paths in the order of the walk: depth first, names by their bytes, a folder before what is in it. So a
 * slash comes before every other byte.
 */
export function comparePaths(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [a = 0, b = 0] = [one[at], other[at]];
    if (a !== b) return a === SLASH ? -1 : b === SLASH ? 1 : a - b;
  }
  return one.length - other.length;
}
/** Returns whether a path lies below a folder. */
export function isBelow(path: Buffer, folder: Buffer): boolean {
  return path.length > folder.length && path[folder.length] === SLASH && path.subarray(0, folder.length).equals(folder);
}
