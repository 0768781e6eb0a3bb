import { createHash } from "node:crypto";
import { utf8Bytes } from "../../core/items/utf8.ts";

/**
 * Keys are texts without the character U+0000, joined by it, and ordered by the bytes of their UTF-8 form, as LMDB compares them.
 */
export const SEPARATOR = "\0";
/** Sorts right after everything that begins with the same text and a separator. */
const AFTER_SEPARATOR = "\u0001";

/** LMDB's keys end at 1,978 bytes. What is longer than this is replaced by its hash, so that 512 bytes of a sort key always fit. */
const MAX_PARTITION_BYTES = 900;

/** Beginning of the keys of a partition's items, separator included. A hashed one begins with a separator, as no partition does. */
export function partitionPrefix(partition: string): string {
  const fits = partition.length * 3 <= MAX_PARTITION_BYTES || utf8Bytes(partition) <= MAX_PARTITION_BYTES;
  if (fits) return partition + SEPARATOR;
  return SEPARATOR + createHash("sha256").update(partition).digest("hex") + SEPARATOR;
}

/** First key after all that begin with the prefix, which ends in a separator. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + AFTER_SEPARATOR;
}

/** Fixed width, so that texts order as the numbers do. For whole numbers from 0. */
export function sortableInteger(value: number): string {
  return value.toString(16).padStart(14, "0");
}
export function parseSortableInteger(text: string): number {
  return Number.parseInt(text, 16);
}

const float = new DataView(new ArrayBuffer(8));
/** The same for every finite number: the bits of a positive one with the sign turned over, of a negative one all of them. */
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

/** For lmdb's `keyEncoder`: plain UTF-8, without the type bytes of its own encoding. */
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
/** The length is returned even when the target was too small: lmdb then takes a larger one, or refuses the key. */
function writeWide(key: string, target: Buffer, start: number): number {
  target.write(key, start, "utf8");
  return start + Buffer.byteLength(key);
}
