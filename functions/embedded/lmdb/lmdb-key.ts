import { createHash } from "node:crypto";
import { utf8Bytes } from "../../core/items/utf8.ts";

/**
 * Joins the texts of a key. The texts do not contain it. Keys are ordered by the bytes of their UTF-8 form, as LMDB
 * compares them.
 */
export const SEPARATOR = "\0";
/** Sorts right after all keys that begin with the same text and a separator. */
const AFTER_SEPARATOR = "\u0001";

/**
 * Longest partition in a key. A longer one is replaced by its hash, so that 512 bytes of a sort key always fit into the
 * 1,978 bytes of an LMDB key.
 */
const MAX_PARTITION_BYTES = 900;

/**
 * Returns the beginning of the keys of a partition's items, with the separator. A hashed one begins with a separator,
 * which no partition does.
 */
export function partitionPrefix(partition: string): string {
  const fits = partition.length * 3 <= MAX_PARTITION_BYTES || utf8Bytes(partition) <= MAX_PARTITION_BYTES;
  if (fits) return partition + SEPARATOR;
  return SEPARATOR + createHash("sha256").update(partition).digest("hex") + SEPARATOR;
}

/** Returns the first key after all that begin with the prefix. The prefix ends with a separator. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + AFTER_SEPARATOR;
}

/** Returns a text of fixed width, so that texts sort as their numbers do. `value` is a whole number from 0. */
export function sortableInteger(value: number): string {
  return value.toString(16).padStart(SORTABLE_CHARACTERS, "0");
}
export const SORTABLE_CHARACTERS = 14;
export function parseSortableInteger(text: string): number {
  return Number.parseInt(text, 16);
}

const float = new DataView(new ArrayBuffer(8));
/**
 * Returns a text that sorts as its finite number does. It consists of the number's bits, with the sign inverted when
 * the number is positive and with all bits inverted when it is negative.
 */
export function sortableNumber(value: number): string {
  float.setFloat64(0, value === 0 ? 0 : value);
  const high = float.getUint32(0);
  const low = float.getUint32(4);
  const negative = high >= 0x80000000;
  return hex32(negative ? ~high >>> 0 : (high | 0x80000000) >>> 0) + hex32(negative ? ~low >>> 0 : low);
}
function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** Encodes keys for lmdb as plain UTF-8, without the type bytes of lmdb's own encoding. */
export const TEXT_KEYS = {
  writeKey(key: string, target: Buffer, start: number): number {
    const end = start + key.length;
    for (let i = start; i < end; i++) {
      const unit = key.charCodeAt(i - start);
      if (unit >= 0x80) return writeWide(key, target, start);
      target[i] = unit;
    }
    return end;
  },
  readKey(target: Buffer, start: number, end: number): string {
    return target.toString("utf8", start, end);
  },
};
/** Returns the end even when the target was too small. lmdb then takes a larger target, or refuses the key. */
function writeWide(key: string, target: Buffer, start: number): number {
  target.write(key, start, "utf8");
  return start + Buffer.byteLength(key);
}
