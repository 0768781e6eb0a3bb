import type { Attribute, Attributes } from "../../core/items/item.ts";
import type { Json } from "../../core/json.ts";

/**
 * Encodes items as a version and then, for each attribute, its name, a tag and a value. It is written by hand because
 * it is on the path of every read and write. General encoders take several times the time and twice the space. A ledger
 * of 256 members takes 32 bytes.
 */
const VERSION = 1;
const NULL = 0;
const FALSE = 1;
const TRUE = 2;
const INTEGER = 3;
const NEGATIVE = 4;
const FLOAT = 5;
const TEXT = 6;
/** Tag of text in UTF-16. It is needed for lone surrogates, which UTF-8 cannot encode. */
const RAW_TEXT = 7;
const JSON_TEXT = 8;
const TEXT_SET = 9;
/** Tag of a set of whole numbers, one bit for each. */
const BITMAP = 10;
const NUMBER_SET = 11;

/** Shorter ASCII text is faster to copy here than by a call into Node. */
const SHORT = 64;
const MAX_BITMAP_MEMBER = 65_535;
const NAME_SLOTS = 1_024;

class AttributeEncoder {
  #buffer = Buffer.allocUnsafeSlow(64 * 1_024);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  encode(attributes: Attributes): Buffer {
    this.#at = 0;
    this.#buffer[this.#at++] = VERSION;
    for (const name in attributes) {
      const value = attributes[name];
      if (value === undefined) continue;
      this.#writeText(name);
      this.#writeAttribute(value);
    }
    return this.#buffer.subarray(0, this.#at);
  }

  #writeAttribute(value: Attribute): void {
    if (typeof value === "string") this.#writeTagged(value);
    else if (typeof value === "number") this.#writeNumber(value);
    else if (value === null) this.#writeByte(NULL);
    else if (typeof value === "boolean") this.#writeByte(value ? TRUE : FALSE);
    else if (value instanceof Set) this.#writeSet(value as ReadonlySet<string | number>);
    else {
      this.#writeByte(JSON_TEXT);
      this.#writeText(JSON.stringify(value));
    }
  }

  #writeTagged(value: string): void {
    if (value.isWellFormed()) {
      this.#writeByte(TEXT);
      this.#writeText(value);
      return;
    }
    this.#writeByte(RAW_TEXT);
    this.#writeInteger(value.length * 2);
    this.#reserve(value.length * 2);
    this.#at += this.#buffer.write(value, this.#at, "utf16le");
  }

  #writeNumber(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.#writeByte(value < 0 ? NEGATIVE : INTEGER);
      this.#writeInteger(Math.abs(value));
      return;
    }
    this.#writeByte(FLOAT);
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  #writeSet(set: ReadonlySet<string | number>): void {
    let largest = 0;
    let fits = true;
    let texts = false;
    for (const member of set) {
      if (typeof member === "string") texts = true;
      else if (member < 0 || member > MAX_BITMAP_MEMBER || !Number.isInteger(member) || Object.is(member, -0))
        fits = false;
      else if (member > largest) largest = member;
    }
    const bytes = (largest >> 3) + 1;
    if (!texts && fits && bytes <= 2 * set.size + 8) this.#writeBitmap(set as ReadonlySet<number>, bytes);
    else {
      this.#writeByte(texts ? TEXT_SET : NUMBER_SET);
      this.#writeInteger(set.size);
      for (const member of set) {
        if (typeof member === "number") this.#writeNumber(member);
        else this.#writeTagged(member);
      }
    }
  }
  #writeBitmap(set: ReadonlySet<number>, bytes: number): void {
    this.#writeByte(BITMAP);
    this.#writeInteger(bytes);
    this.#reserve(bytes);
    this.#buffer.fill(0, this.#at, this.#at + bytes);
    for (const member of set) {
      const place = this.#at + (member >> 3);
      this.#buffer[place] = (this.#buffer[place] as number) | (1 << (member & 7));
    }
    this.#at += bytes;
  }

  #writeText(text: string): void {
    const length = text.length;
    this.#reserve(length * 3 + 8);
    if (length < SHORT) {
      const start = this.#at;
      this.#buffer[this.#at++] = length;
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) break;
        this.#buffer[this.#at++] = unit;
      }
      if (i === length) return;
      this.#at = start;
    }
    this.#writeInteger(Buffer.byteLength(text));
    this.#at += this.#buffer.write(text, this.#at, "utf8");
  }
  #writeByte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = byte;
  }
  /** Writes seven bits per byte, the lowest first. The high bit says that more bytes follow. */
  #writeInteger(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
    this.#buffer[this.#at++] = rest;
  }
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
    this.#view = new DataView(this.#buffer.buffer);
  }
}

class AttributeDecoder {
  #source: Buffer = Buffer.alloc(0);
  #at = 0;
  /**
   * Names seen last, by their hash. Attributes have few names, so this saves making the same strings again for each
   * item.
   */
  readonly #names: string[] = [];

  decode(bytes: Buffer): Attributes {
    this.#source = bytes;
    this.#at = 0;
    const end = bytes.length;
    const version = this.#source[this.#at++];
    if (version !== VERSION) throw new Error(`an item has format ${version}; this version of Fanfold reads ${VERSION}`);
    const attributes: { [name: string]: Attribute } = {};
    while (this.#at < end) {
      const name = this.#readName();
      attributes[name] = this.#readAttribute();
    }
    return attributes;
  }

  #readAttribute(): Attribute {
    const tag = this.#source[this.#at++];
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
        return this.#readNumber(tag);
      case TEXT:
      case RAW_TEXT:
        return this.#readText(tag);
      case JSON_TEXT:
        return JSON.parse(this.#readText(TEXT)) as readonly Json[];
      case BITMAP:
        return this.#readBitmap();
      case TEXT_SET:
        return new Set(Array.from({ length: this.#readInteger() }, () => this.#readText(this.#source[this.#at++])));
      case NUMBER_SET:
        return new Set(Array.from({ length: this.#readInteger() }, () => this.#readNumber(this.#source[this.#at++])));
      default:
        throw new Error(`an item has an attribute of unknown kind ${tag}`);
    }
  }
  #readNumber(tag: number | undefined): number {
    if (tag === INTEGER) return this.#readInteger();
    if (tag === NEGATIVE) return -this.#readInteger();
    this.#at += 8;
    return this.#source.readDoubleBE(this.#at - 8);
  }
  #readText(tag: number | undefined): string {
    const length = this.#readInteger();
    this.#at += length;
    return this.#source.toString(tag === RAW_TEXT ? "utf16le" : "utf8", this.#at - length, this.#at);
  }
  #readBitmap(): ReadonlySet<number> {
    const set = new Set<number>();
    const bytes = this.#readInteger();
    for (let place = 0; place < bytes; place++) {
      for (let bits = this.#source[this.#at++] as number, member = place * 8; bits !== 0; bits >>= 1, member++)
        if ((bits & 1) === 1) set.add(member);
    }
    return set;
  }
  #readInteger(): number {
    let byte = this.#source[this.#at++] as number;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let factor = 0x80; byte >= 0x80; factor *= 0x80) {
      byte = this.#source[this.#at++] as number;
      value += (byte & 0x7f) * factor;
    }
    return value;
  }

  #readName(): string {
    const length = this.#readInteger();
    const start = this.#at;
    this.#at += length;
    let hash = length;
    for (let i = start; i < this.#at; i++) hash = (Math.imul(hash, 31) + (this.#source[i] as number)) | 0;
    const slot = hash & (NAME_SLOTS - 1);
    const known = this.#names[slot];
    if (known !== undefined && this.#isAt(known, start, length)) return known;
    const name = this.#source.toString("utf8", start, this.#at);
    // Only ASCII names can be compared byte by byte.
    if (name.length === length) this.#names[slot] = name;
    return name;
  }
  #isAt(name: string, start: number, length: number): boolean {
    if (name.length !== length) return false;
    for (let i = 0; i < length; i++) if (name.charCodeAt(i) !== this.#source[start + i]) return false;
    return true;
  }
}

const encoder = new AttributeEncoder();
const decoder = new AttributeDecoder();

/** Returns an item's bytes. They are valid until the next call, because all calls share one buffer. */
export function encodeAttributes(attributes: Attributes): Buffer {
  return encoder.encode(attributes);
}
/** Returns an item's attributes. They share no memory with `bytes`, so lmdb may overwrite these afterwards. */
export function decodeAttributes(bytes: Buffer): Attributes {
  return decoder.decode(bytes);
}
