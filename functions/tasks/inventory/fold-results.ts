import { posix } from "node:path";
import { BoundedList } from "./bounded-list.ts";
import { NOTHING, type ChunkResult, type Digested } from "./chunk.ts";
import { DuplicateGroups, RepeatedDigests } from "./find-duplicates.ts";
import { REPORT_BOUNDS, type InventoryReport, type ReportedFailure } from "./report-value.ts";

/** The result of one chunk, or the reason why it has none. */
export type ChunkEnd = { readonly result: ChunkResult } | { readonly lost: string };

/**
 * Folds the results of all chunks, in order, into the report. The results are read twice. The first pass keeps no
 * names, so finding duplicates among any number of files takes a second pass.
 */
export async function foldResults(folder: string, ends: () => AsyncIterable<ChunkEnd>): Promise<InventoryReport> {
  const sums = new Sums();
  const digests = new RepeatedDigests();
  for await (const end of ends()) {
    sums.add(end);
    if ("result" in end) for (const [, , sha256] of end.result.files) digests.add(sha256);
  }
  const isCandidate = digests.candidates();
  const groups = new DuplicateGroups();
  for await (const end of ends()) {
    if ("result" in end) for (const file of end.result.files) if (isCandidate(file[2])) groups.add(file);
  }
  return sums.report(folder, groups);
}

type ByExtension = InventoryReport["byExtension"][string];

class Sums {
  #totals = NOTHING;
  #files = 0;
  #bytes = 0;
  readonly #failures = new BoundedList<ReportedFailure>(REPORT_BOUNDS.failures);
  readonly #extensions = new Map<string, ByExtension>();
  readonly #largest: { readonly path: string; readonly bytes: number }[] = [];

  add(end: ChunkEnd): void {
    if ("lost" in end) {
      this.#failures.add({ path: ".", reason: end.lost });
      return;
    }
    const { files, failures, totals } = end.result;
    this.#totals = totals;
    for (const [path, reason] of failures) this.#failures.add({ path, reason });
    for (const file of files) this.#addFile(file);
  }
  #addFile([path, bytes]: Digested): void {
    this.#files++;
    this.#bytes += bytes;
    const extension = extensionOf(path);
    const before = this.#extensions.get(extension);
    this.#extensions.set(extension, { files: (before?.files ?? 0) + 1, bytes: (before?.bytes ?? 0) + bytes });
    // Among equal sizes the first file stays.
    const at = this.#largest.findIndex((each) => each.bytes < bytes);
    if (at < 0 && this.#largest.length >= REPORT_BOUNDS.largest) return;
    this.#largest.splice(at < 0 ? this.#largest.length : at, 0, { path, bytes });
    if (this.#largest.length > REPORT_BOUNDS.largest) this.#largest.pop();
  }
  report(folder: string, groups: DuplicateGroups): InventoryReport {
    const extensions = [...this.#extensions].toSorted(
      ([a, one], [b, other]) => other.bytes - one.bytes || other.files - one.files || (a < b ? -1 : 1),
    );
    const listed = new BoundedList<[string, ByExtension]>(REPORT_BOUNDS.extensions);
    for (const each of extensions) listed.add(each);
    return {
      folder,
      files: this.#files,
      directories: this.#totals.directories,
      bytes: this.#bytes,
      links: this.#totals.links,
      special: this.#totals.special,
      failures: this.#failures.items,
      failuresTotal: this.#failures.total,
      ...groups.report(),
      byExtension: Object.fromEntries(listed.items),
      extensionsTotal: listed.total,
      largest: this.#largest,
    };
  }
}

/** Returns the extension with its dot, so that no name makes it a key that JSON objects must not have. */
function extensionOf(path: string): string {
  const extension = posix.extname(path);
  return extension.length > 32 || extension === "." ? "" : extension.toLowerCase();
}
