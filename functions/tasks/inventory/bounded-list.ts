import { Buffer } from "node:buffer";

/** A list in a report: its first items, as many as fit. A name may take kilobytes, so a number of items alone bounds nothing. */
export class BoundedList<T> {
  readonly items: T[] = [];
  /** How many there are, those that did not fit included. */
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
    // Full is full: a list with gaps would look as if the items in between did not exist.
    this.#full = this.#bytesLeft < 0 || this.items.length >= this.#most;
    if (!this.#full) this.items.push(item);
  }
}
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}
