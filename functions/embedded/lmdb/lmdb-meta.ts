import { readSync, writeSync } from "node:fs";

/**
 * A meta page, as mdb.c lays it out (format 2, 64 bits, little-endian; lmdb 3.5). The first two pages of an LMDB file
 * are meta pages. Each names one state of the database by the pages of its trees' roots. Commits write them
 * alternately, and the one of the later transaction counts.
 */
export interface Meta {
  /** Beginning of the page, with all fields that LMDB keeps there. */
  readonly bytes: Buffer;
  readonly pageBytes: number;
  /** Number of the transaction that made the state. */
  readonly transaction: bigint;
  readonly lastPage: number;
  readonly free: Tree;
  readonly main: Tree;
}
export interface Tree {
  readonly name: string;
  readonly entries: bigint;
  readonly root: bigint;
}
/** Bytes of the header of every page. */
export const HEADER = 24;
export const FREE = "the list of free pages";
const MAGIC = 0xbeefc0de;
const FORMAT = 2;
const META_BYTES = 256;
/** Offset of the page size, which LMDB keeps in the unused padding of the free list's tree. */
const PAGE_BYTES = HEADER + 24;

/** Returns the present state. Returns undefined for an empty file and for a file of another program or format. */
export function readMeta(file: number): Meta | undefined {
  const first = readAt(file, 0, META_BYTES);
  if (first.readUInt32LE(HEADER) !== MAGIC || first.readUInt32LE(HEADER + 4) !== FORMAT) return undefined;
  const even = decodeMeta(first);
  const odd = decodeMeta(readAt(file, even.pageBytes, META_BYTES));
  return odd.transaction > even.transaction ? odd : even;
}
/** Writes both meta pages, so that this is the only state that the file names. */
export function writeMeta(file: number, { bytes, pageBytes }: Meta): void {
  for (const number of [0, 1]) {
    const page = Buffer.alloc(pageBytes);
    bytes.copy(page);
    page.writeBigUInt64LE(BigInt(number));
    writeSync(file, page, 0, pageBytes, number * pageBytes);
  }
}
export function decodeMeta(bytes: Buffer): Meta {
  return {
    bytes,
    pageBytes: bytes.readUInt32LE(PAGE_BYTES),
    free: treeOf(FREE, bytes, HEADER + 24),
    main: treeOf("the root", bytes, HEADER + 72),
    lastPage: Number(bytes.readBigUInt64LE(HEADER + 120)),
    transaction: bytes.readBigUInt64LE(HEADER + 128),
  };
}
export function treeOf(name: string, bytes: Buffer, at: number): Tree {
  return { name, entries: bytes.readBigUInt64LE(at + 32), root: bytes.readBigUInt64LE(at + 40) };
}
/** Returns bytes of the file, with zeros beyond its end. */
export function readAt(file: number, at: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  readSync(file, buffer, 0, bytes, at);
  return buffer;
}
