import { jsonBytes } from "./bounded-list.ts";
import type { Digested } from "./chunk.ts";
import { REPORT_BOUNDS, type DuplicateGroup, type DuplicateTotals } from "./report-value.ts";

/**
 * Finds digests that occur more than once, in a first pass over all of them. It keeps eight bytes of each, so a million
 * files take 8 MB. Different digests may share those bytes, so the result is only a set of candidates.
 */
export class RepeatedDigests {
  #seen = new BigUint64Array(1_024);
  #count = 0;

  add(sha256: string): void {
    if (this.#count === this.#seen.length) {
      const grown = new BigUint64Array(this.#count * 2);
      grown.set(this.#seen);
      this.#seen = grown;
    }
    this.#seen[this.#count++] = beginningOf(sha256);
  }
  candidates(): (sha256: string) => boolean {
    const sorted = this.#seen.subarray(0, this.#count).toSorted();
    const repeated = new Set(sorted.filter((each, at) => each === sorted[at + 1] && each !== sorted[at - 1]));
    return (sha256) => repeated.has(beginningOf(sha256));
  }
}
const beginningOf = (sha256: string): bigint => BigInt(`0x${sha256.slice(0, 16)}`);

interface Group {
  readonly bytes: number;
  readonly paths: string[];
  files: number;
}
/**
 * Characters of the paths of all groups while they are gathered. Beyond it files are counted, and their paths are
 * dropped.
 */
const GATHERED_CHARACTERS = 64 * 1024 * 1024;

/** Gathers the groups in a second pass over the files. It receives only the candidates. */
export class DuplicateGroups {
  readonly #groups = new Map<string, Group>();
  #room = GATHERED_CHARACTERS;

  add([path, bytes, sha256]: Digested): void {
    const group = this.#groups.get(sha256) ?? { bytes, paths: [], files: 0 };
    if (group.files++ === 0) this.#groups.set(sha256, group);
    if ((this.#room -= path.length) >= 0) group.paths.push(path);
  }
  /** Returns the groups that fit, most wasted bytes first. */
  report(): { readonly duplicates: readonly DuplicateGroup[]; readonly duplicatesTotal: DuplicateTotals } {
    const groups = [...this.#groups].filter(([, { files }]) => files > 1);
    groups.sort(([a, one], [b, other]) => wasted(other) - wasted(one) || (a < b ? -1 : 1));
    const duplicatesTotal = { groups: groups.length, files: 0, wastedBytes: 0 };
    const duplicates: DuplicateGroup[] = [];
    let room: number = REPORT_BOUNDS.duplicates.bytes;
    for (const [sha256, group] of groups) {
      duplicatesTotal.files += group.files;
      duplicatesTotal.wastedBytes += wasted(group);
      if (room <= 0) continue;
      const shown = shownGroup(sha256, group, room);
      room -= jsonBytes(shown);
      if (shown.paths.length > 0) duplicates.push(shown);
    }
    return { duplicates, duplicatesTotal };
  }
}
const wasted = ({ bytes, files }: Group): number => bytes * (files - 1);

function shownGroup(sha256: string, { bytes, paths, files }: Group, room: number): DuplicateGroup {
  let left = room;
  const cut = paths.findIndex((path) => (left -= jsonBytes(path)) < 0);
  const shown = cut < 0 ? paths : paths.slice(0, cut);
  return { sha256, bytes, paths: shown, ...(shown.length < files && { pathsOmitted: files - shown.length }) };
}
