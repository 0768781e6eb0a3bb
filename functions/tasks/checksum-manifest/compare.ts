import type { Buffer } from "node:buffer";
import { BoundedList } from "../inventory/bounded-list.ts";
import { encodePath } from "../inventory/path-text.ts";
import type { Found } from "./found-files.ts";
import type { ManifestEntry } from "./manifest-line.ts";
import { LIST_BOUNDS, type Changed, type Comparison } from "./manifest-report.ts";
import { comparePaths, isBelow } from "./walk-order.ts";

/** Compares a folder with its manifest. Both come in the order of the walk, so neither is kept in memory. */
export async function compare(
  found: AsyncIterable<Found>,
  recorded: AsyncIterable<ManifestEntry>,
  existed: boolean,
): Promise<Comparison> {
  const sums = new Differences(existed);
  const entries = recorded[Symbol.asyncIterator]();
  let entry = await entries.next();
  for await (const each of found) {
    while (!entry.done && comparePaths(entry.value.path, each.path) < 0) {
      sums.addUnseen(entry.value.path);
      entry = await entries.next();
    }
    const isRecorded = !entry.done && entry.value.path.equals(each.path);
    sums.addFound(each, isRecorded ? entry.value.digest : undefined);
    if (isRecorded) entry = await entries.next();
  }
  for (; !entry.done; entry = await entries.next()) sums.addUnseen(entry.value.path);
  return sums.report();
}

class Differences {
  readonly #existed: boolean;
  readonly #changed = new BoundedList<Changed>(LIST_BOUNDS);
  readonly #missing = new BoundedList<string>(LIST_BOUNDS);
  readonly #added = new BoundedList<string>(LIST_BOUNDS);
  readonly #unreadable = new BoundedList<string>(LIST_BOUNDS);
  #files = 0;
  #bytes = 0;
  #skipped = 0;
  #unchanged = 0;
  #unknown = 0;
  /** The last path that could not be read. What is below it follows it. */
  #closed: Buffer | undefined;

  constructor(existed: boolean) {
    this.#existed = existed;
  }
  /** Adds what the walk has met, with its digest in the manifest. */
  addFound({ path, digest, bytes = 0, unreadable }: Found, recorded: string | undefined): void {
    const text = encodePath(path);
    if (unreadable) {
      this.#closed = path;
      this.#unreadable.add(text);
      if (recorded !== undefined) this.#unknown++;
      return;
    }
    if (digest === undefined) this.#skipped++;
    else {
      this.#files++;
      this.#bytes += bytes;
    }
    if (recorded === undefined) {
      if (digest !== undefined && this.#existed) this.#added.add(text);
    } else if (recorded === digest) this.#unchanged++;
    else this.#changed.add({ path: text, recorded, found: digest ?? null });
  }
  /** Adds a file of the manifest that the walk has not met. */
  addUnseen(path: Buffer): void {
    if (this.#closed && isBelow(path, this.#closed)) this.#unknown++;
    else this.#missing.add(encodePath(path));
  }
  report(): Comparison {
    return {
      existed: this.#existed,
      files: this.#files,
      bytes: this.#bytes,
      skipped: this.#skipped,
      unchanged: this.#unchanged,
      changed: this.#changed.items,
      changedTotal: this.#changed.total,
      missing: this.#missing.items,
      missingTotal: this.#missing.total,
      added: this.#added.items,
      addedTotal: this.#added.total,
      unreadable: this.#unreadable.items,
      unreadableTotal: this.#unreadable.total,
      unknown: this.#unknown,
    };
  }
}
