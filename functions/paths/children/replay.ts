import { FanfoldError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";

/** Items of a key that are in stored chunks: how many, and a hash of their paths in order. */
type Taken = readonly [count: number, hash: number];
/** What the cursor of a chunk says. */
export interface ChunkCursor {
  /** Where the code goes on. Absent when it begins anew. */
  readonly at?: Json;
  /** What it will add again after that place, by key, although it is in stored chunks. */
  readonly taken: { readonly [key: string]: Taken };
}

/** Recognises the items that earlier attempts have put into chunks, so that none of them is in two chunks or in none. */
export class Replay {
  readonly #task: string;
  readonly #expected: Map<string, Taken>;
  readonly #seen = new Map<string, { count: number; hash: number }>();
  readonly at: Json | undefined;

  constructor(task: string, cursor: Json | undefined) {
    const { at, taken = {} } = (cursor ?? {}) as { readonly at?: Json; readonly taken?: ChunkCursor["taken"] };
    this.#task = task;
    this.at = at;
    this.#expected = new Map(Object.entries(taken));
  }
  /** Whether items are in chunks that were not added again yet. */
  get isPending(): boolean {
    return this.#expected.size > 0;
  }
  /** Whether the next item of a key is in a chunk already. Throws `replay_differs` when it is another one. */
  has(key: string, path: string): boolean {
    const expected = this.#expected.get(key);
    if (!expected) return false;
    const seen = this.#seen.get(key) ?? { count: 0, hash: 0 };
    const next = { count: seen.count + 1, hash: hashed(seen.hash, path) };
    this.#seen.set(key, next);
    if (next.count < expected[0]) return true;
    if (next.hash !== expected[1]) throw this.#differs(key);
    this.#expected.delete(key);
    return true;
  }
  /** Throws `replay_differs` when items are in chunks that were not added again. */
  end(): void {
    const [key] = this.#expected.keys();
    if (key !== undefined) throw this.#differs(key);
  }
  #differs(key: string): FanfoldError {
    return new FanfoldError(
      "replay_differs",
      `${this.#task} has added other items under ${JSON.stringify(key)} than its attempt before: add them in the same ` +
        "order, or give add() the place where to go on (`at`)",
      { details: { task: this.#task, key } },
    );
  }
}
/** Counts the items of chunks, for the cursors of these. */
export class TakenItems {
  readonly #taken = new Map<string, { count: number; hash: number }>();

  constructor(cursor: Json | undefined) {
    const { taken = {} } = (cursor ?? {}) as { readonly taken?: ChunkCursor["taken"] };
    for (const [key, [count, hash]] of Object.entries(taken)) this.#taken.set(key, { count, hash });
  }
  add(key: string, paths: readonly { readonly path: string }[]): void {
    let { count, hash } = this.#taken.get(key) ?? { count: 0, hash: 0 };
    for (const { path } of paths) {
      count++;
      hash = hashed(hash, path);
    }
    this.#taken.set(key, { count, hash });
  }
  clear(): void {
    this.#taken.clear();
  }
  cursor(at: Json | undefined): JsonObject {
    const taken = Object.fromEntries([...this.#taken].map(([key, { count, hash }]) => [key, [count, hash]]));
    return { ...(at !== undefined && { at }), taken };
  }
}
/** FNV-1a of a text, after what came before. It tells orders apart, and need not resist anybody. */
function hashed(hash: number, text: string): number {
  let next = (hash ^ 0x811c9dc5) >>> 0;
  for (let at = 0; at < text.length; at++) next = Math.imul(next ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return next;
}
