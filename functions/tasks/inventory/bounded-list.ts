import { Buffer } from "node:buffer";

/**
 * A list in a report, cut to the first items that fit. A name may take kilobytes, so a limit on the number of items is
 * not enough.
 */
export class BoundedList<T> {
  readonly items: T[] = [];
  /** Number of all items, including those that did not fit. */
  total = 0;
  #bytesLeft: number;
  readonly #most: number;
  #full = false;

  constructor(bounds: { readonly items: number; readonly bytes: number }) {
    this.#bytesLeft = bounds.bytes;
    this.#most = bounds.items;
  }
  add(item: T): void {
    this.total++;
    if (this.#full) return;
    this.#bytesLeft -= jsonBytes(item);
    // A full list takes no further items. With gaps it would look as if the items in between did not exist.
    this.#full = this.#bytesLeft < 0 || this.items.length >= this.#most;
    if (!this.#full) this.items.push(item);
  }
}
/** Returns the bytes of a value in a JSON list, its separator included. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}
