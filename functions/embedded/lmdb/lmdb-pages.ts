import { closeSync, fstatSync, openSync } from "node:fs";
import { FREE, HEADER, type Meta, readAt, readMeta, type Tree, treeOf } from "./lmdb-meta.ts";

export interface PageReport {
  /** Problems of the trees. Entries are lost or belong to another tree, so nothing can be rebuilt from them. */
  readonly trees: readonly string[];
  /** Problems of the list of free pages. The trees are whole, but the next commits would fail or overwrite entries. */
  readonly free: readonly string[];
  /** Whether a process committed meanwhile. Then the problems may not exist. */
  readonly disturbed: boolean;
}

/**
 * Reads an LMDB file page by page, as mdb.c lays it out (format 2, 64 bits, little-endian; lmdb 3.5). Reports each page
 * that has not exactly one owner, which is a tree or the list of free pages. LMDB itself never checks this. It notices
 * a page with two owners only after the second owner has overwritten it. Takes about a second per GB.
 */
export function checkPages(path: string): PageReport {
  const file = openSync(path, "r");
  try {
    return new PageWalk(file).report();
  } finally {
    closeSync(file);
  }
}

const NODE = 8;
const NO_PAGE = 0xffffffffffffffffn;
const PAGE = { branch: 1, leaf: 2, overflow: 4 } as const;
const ENTRY = { onOverflow: 1, tree: 2 } as const;
const OWNER = { none: 0, tree: 1, free: 2 } as const;
/** Number of problems that are kept per kind. */
const KEPT = 5;

class PageWalk {
  readonly #file: number;
  readonly #bytes: number;
  readonly #pageBytes: number;
  readonly #newest: Meta | undefined;
  readonly #owners: Uint8Array;
  readonly #trees: string[] = [];
  readonly #free: string[] = [];

  constructor(file: number) {
    this.#file = file;
    this.#bytes = fstatSync(file).size;
    this.#newest = readMeta(file);
    this.#pageBytes = this.#newest?.pageBytes ?? 0;
    this.#owners = new Uint8Array((this.#newest?.lastPage ?? 0) + 1);
  }

  report(): PageReport {
    if (this.#newest === undefined) return { trees: [], free: [], disturbed: false };
    try {
      this.#walkAll(this.#newest);
    } catch (error) {
      // An offset points beyond its page.
      if (!(error instanceof RangeError)) throw error;
      note(this.#trees, error.message);
    }
    return {
      trees: this.#trees,
      free: this.#free,
      disturbed: readMeta(this.#file)?.transaction !== this.#newest.transaction,
    };
  }
  #walkAll({ main, free }: Meta): void {
    this.#walk(main, (name, flags, value) => {
      if ((flags & ENTRY.tree) !== 0) this.#walk(treeOf(name, value, 0), () => undefined);
    });
    this.#walk(free, (_name, _flags, value) => this.#readFree(value));
  }

  #walk(tree: Tree, onEntry: (name: string, flags: number, value: Buffer) => void): void {
    if (tree.root === NO_PAGE) return;
    const entries = this.#walkPage(tree, Number(tree.root), onEntry);
    if (BigInt(entries) !== tree.entries)
      note(this.#trees, `${tree.name} should have ${tree.entries} entries and has ${entries}`);
  }
  /** Returns the number of entries below the page. */
  #walkPage(tree: Tree, number: number, onEntry: (name: string, flags: number, value: Buffer) => void): number {
    if (!this.#own(tree, number, 1)) return 0;
    const page = this.#read(number * this.#pageBytes, this.#pageBytes);
    const flags = page.readUInt16LE(18);
    if (page.readBigUInt64LE(0) !== BigInt(number) || (flags & (PAGE.branch | PAGE.leaf)) === 0) {
      note(this.#trees, `${tree.name}: page ${number} is none of a tree`);
      return 0;
    }
    const nodes = page.readUInt16LE(20) >> 1;
    if ((flags & PAGE.leaf) !== 0) {
      for (let node = 0; node < nodes; node++)
        this.#readEntry(tree, page, HEADER + page.readUInt16LE(HEADER + 2 * node), onEntry);
      return nodes;
    }
    let entries = 0;
    for (let node = 0; node < nodes; node++) {
      const at = HEADER + page.readUInt16LE(HEADER + 2 * node);
      entries += this.#walkPage(tree, page.readUIntLE(at, 6), onEntry);
    }
    return entries;
  }
  #readEntry(
    tree: Tree,
    page: Buffer,
    at: number,
    onEntry: (name: string, flags: number, value: Buffer) => void,
  ): void {
    const [bytes, flags, keyBytes] = [page.readUInt32LE(at), page.readUInt16LE(at + 4), page.readUInt16LE(at + 6)];
    const name = page.toString("latin1", at + NODE, at + NODE + keyBytes).replace(/\0$/, "");
    const start = at + NODE + keyBytes;
    if ((flags & ENTRY.onOverflow) === 0) return onEntry(name, flags, page.subarray(start, start + bytes));
    const number = Number(page.readBigUInt64LE(start));
    if (!this.#own(tree, number, Math.ceil((bytes + HEADER) / this.#pageBytes))) return;
    const header = this.#read(number * this.#pageBytes, HEADER);
    if (header.readBigUInt64LE(0) !== BigInt(number) || (header.readUInt16LE(18) & PAGE.overflow) === 0) {
      note(this.#trees, `${tree.name}: page ${number} holds no large value`);
    } else if (tree.name === FREE) onEntry(name, flags, this.#read(number * this.#pageBytes + HEADER, bytes));
  }
  #own(tree: Tree, first: number, pages: number): boolean {
    for (let number = first; number < first + pages; number++) {
      const owned =
        number < 2 ||
        number >= this.#owners.length ||
        (number + 1) * this.#pageBytes > this.#bytes ||
        this.#owners[number] !== OWNER.none;
      if (owned) {
        note(this.#trees, `${tree.name}: page ${number} belongs to something else or is not there`);
        return false;
      }
      this.#owners[number] = OWNER.tree;
    }
    return true;
  }

  /**
   * Reads a list of free pages, which is a count of words and then page numbers. Zeros are gaps. A negative word is the
   * length of a run of pages, and the word after it is the first of them.
   */
  #readFree(value: Buffer): void {
    const words = Math.min(Number(value.readBigInt64LE(0)), value.length / 8 - 1);
    for (let word = 1; word <= words; word++) {
      const entry = Number(value.readBigInt64LE(8 * word));
      if (entry > 0) this.#freePage(entry);
      else if (entry < 0 && word < words) {
        const first = Number(value.readBigInt64LE(8 * ++word));
        for (let number = first; number < first - entry; number++) this.#freePage(number);
      }
    }
  }
  #freePage(number: number): void {
    const owner = this.#owners[number];
    if (owner === OWNER.none) this.#owners[number] = OWNER.free;
    else
      note(
        this.#free,
        `page ${number} is free and ${owner === OWNER.tree ? "used" : owner === OWNER.free ? "free once more" : "beyond the last"}`,
      );
  }

  #read(at: number, bytes: number): Buffer {
    return readAt(this.#file, at, bytes);
  }
}

function note(list: string[], problem: string): void {
  if (list.length < KEPT) list.push(problem);
}
