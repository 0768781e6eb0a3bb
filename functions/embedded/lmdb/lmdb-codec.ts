import type { Attribute, Attributes } from "../../core/items/item.ts";
import type { Json } from "../../core/json.ts";

/**
 * Items as bytes: version, then for each attribute its name, a tag and a value. Written by hand because it is on the
 * path of every read and write: general encoders take several times the time and twice the space. A ledger of 256
 * members is 32 bytes here.
 */
const VERSION = 1;
const NULL = 0;
const FALSE = 1;
const TRUE = 2;
const INTEGER = 3;
const NEGATIVE = 4;
const FLOAT = 5;
const TEXT = 6;
/** UTF-16, for text with lone surrogates, which UTF-8 cannot carry. */
const RAW_TEXT = 7;
const JSON_TEXT = 8;
const TEXT_SET = 9;
/** Whole numbers as set bits. */
const BITMAP = 10;
const NUMBER_SET = 11;

const SHORT = 64;
const MAX_BITMAP_MEMBER = 65_535;

let scratch = Buffer.allocUnsafeSlow(64 * 1_024);
let view = new DataView(scratch.buffer);
let at = 0;

/** Valid until the next call. */
export function encodeAttributes(attributes: Attributes): Buffer {
  at = 0;
  scratch[at++] = VERSION;
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined) continue;
    writeText(name);
    writeAttribute(value);
  }
  return scratch.subarray(0, at);
}

function writeAttribute(value: Attribute): void {
  if (typeof value === "string") writeTagged(value);
  else if (typeof value === "number") writeNumber(value);
  else if (value === null) writeByte(NULL);
  else if (typeof value === "boolean") writeByte(value ? TRUE : FALSE);
  else if (value instanceof Set) writeSet(value as ReadonlySet<string | number>);
  else {
    writeByte(JSON_TEXT);
    writeText(JSON.stringify(value));
  }
}

function writeTagged(value: string): void {
  if (value.isWellFormed()) {
    writeByte(TEXT);
    writeText(value);
    return;
  }
  writeByte(RAW_TEXT);
  writeInteger(value.length * 2);
  reserve(value.length * 2);
  at += scratch.write(value, at, "utf16le");
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    writeByte(value < 0 ? NEGATIVE : INTEGER);
    writeInteger(Math.abs(value));
    return;
  }
  writeByte(FLOAT);
  reserve(8);
  view.setFloat64(at, value);
  at += 8;
}

function writeSet(set: ReadonlySet<string | number>): void {
  let largest = 0;
  let fits = true;
  let texts = false;
  for (const member of set) {
    if (typeof member === "string") texts = true;
    else if (member < 0 || member > MAX_BITMAP_MEMBER || !Number.isInteger(member) || Object.is(member, -0)) fits = false;
    else if (member > largest) largest = member;
  }
  const bytes = (largest >> 3) + 1;
  if (!texts && fits && bytes <= 2 * set.size + 8) writeBitmap(set as ReadonlySet<number>, bytes);
  else {
    writeByte(texts ? TEXT_SET : NUMBER_SET);
    writeInteger(set.size);
    for (const member of set) {
      if (typeof member === "number") writeNumber(member);
      else writeTagged(member);
    }
  }
}
function writeBitmap(set: ReadonlySet<number>, bytes: number): void {
  writeByte(BITMAP);
  writeInteger(bytes);
  reserve(bytes);
  scratch.fill(0, at, at + bytes);
  for (const member of set) {
    const place = at + (member >> 3);
    scratch[place] = (scratch[place] as number) | (1 << (member & 7));
  }
  at += bytes;
}

function writeText(text: string): void {
  const length = text.length;
  reserve(length * 3 + 8);
  if (length < SHORT) {
    const start = at;
    scratch[at++] = length;
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      scratch[at++] = unit;
    }
    if (i === length) return;
    at = start;
  }
  writeInteger(Buffer.byteLength(text));
  at += scratch.write(text, at, "utf8");
}
function writeByte(byte: number): void {
  reserve(1);
  scratch[at++] = byte;
}
/** Seven bits a byte, the lowest first; the high bit says that more follow. */
function writeInteger(value: number): void {
  reserve(8);
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) scratch[at++] = (rest % 0x80) | 0x80;
  scratch[at++] = rest;
}
function reserve(bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(scratch.length * 2, at + bytes));
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
  view = new DataView(scratch.buffer);
}

// ---------------------------------------------------------------- reading

let source: Buffer = scratch;

/** Copies what it needs, so the bytes may be overwritten afterwards. */
export function decodeAttributes(bytes: Buffer): Attributes {
  source = bytes;
  at = 0;
  const end = bytes.length;
  const version = source[at++];
  if (version !== VERSION) throw new Error(`an item has format ${version}; this version of Fanfold reads ${VERSION}`);
  const attributes: { [name: string]: Attribute } = {};
  while (at < end) {
    const name = readName();
    attributes[name] = readAttribute();
  }
  return attributes;
}

function readAttribute(): Attribute {
  const tag = source[at++];
  switch (tag) {
    case NULL:
      return null;
    case FALSE:
      return false;
    case TRUE:
      return true;
    case INTEGER:
    case NEGATIVE:
    case FLOAT:
      return readNumber(tag);
    case TEXT:
    case RAW_TEXT:
      return readText(tag);
    case JSON_TEXT:
      return JSON.parse(readText(TEXT)) as readonly Json[];
    case BITMAP:
      return readBitmap();
    case TEXT_SET:
      return new Set(Array.from({ length: readInteger() }, () => readText(source[at++])));
    case NUMBER_SET:
      return new Set(Array.from({ length: readInteger() }, () => readNumber(source[at++])));
    default:
      throw new Error(`an item has an attribute of unknown kind ${tag}`);
  }
}
function readNumber(tag: number | undefined): number {
  if (tag === INTEGER) return readInteger();
  if (tag === NEGATIVE) return -readInteger();
  at += 8;
  return source.readDoubleBE(at - 8);
}
function readText(tag: number | undefined): string {
  const length = readInteger();
  at += length;
  return source.toString(tag === RAW_TEXT ? "utf16le" : "utf8", at - length, at);
}
function readBitmap(): ReadonlySet<number> {
  const set = new Set<number>();
  const bytes = readInteger();
  for (let place = 0; place < bytes; place++) {
    for (let bits = source[at++] as number, member = place * 8; bits !== 0; bits >>= 1, member++) if ((bits & 1) === 1) set.add(member);
  }
  return set;
}
function readInteger(): number {
  let byte = source[at++] as number;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
    byte = source[at++] as number;
    value += (byte & 0x7f) * factor;
  }
  return value;
}

/** Attributes have few names: a table of those seen last saves making the same strings again for every item. */
const names: string[] = [];
const NAME_SLOTS = 1_024;
function readName(): string {
  const length = readInteger();
  const start = at;
  at += length;
  let hash = length;
  for (let i = start; i < at; i++) hash = (Math.imul(hash, 31) + (source[i] as number)) | 0;
  const slot = hash & (NAME_SLOTS - 1);
  const known = names[slot];
  if (known !== undefined && isAt(known, start, length)) return known;
  const name = source.toString("utf8", start, at);
  // Only ASCII names can be compared byte by byte.
  if (name.length === length) names[slot] = name;
  return name;
}
function isAt(name: string, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) if (name.charCodeAt(i) !== source[start + i]) return false;
  return true;
}
