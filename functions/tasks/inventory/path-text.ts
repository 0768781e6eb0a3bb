import { Buffer, isUtf8 } from "node:buffer";

/**
 * Returns the text of a path. File names are bytes, but JSON carries characters. The text is the UTF-8 of the path.
 * Each byte of a control character, of a backslash and of invalid UTF-8 is written as `\xNN` (two lower-case
 * hexadecimal digits).
 *
 * So a backslash always begins an escape. Two different paths never have the same text, and each text decodes to its
 * path.
 */
export function encodePath(path: Uint8Array): string {
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  if (isUtf8(bytes)) return escapeCharacters(bytes.toString("utf8"));
  let text = "";
  let validFrom = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += escapeCharacters(bytes.toString("utf8", validFrom, at)) + escapeByte(bytes[at] ?? 0);
      validFrom = at + 1;
    }
    at += Math.max(1, length);
  }
  return text + escapeCharacters(bytes.toString("utf8", validFrom));
}
/** C0, DEL and C1 controls, and the backslash that begins an escape. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const ESCAPED = /[\u0000-\u001f\u007f-\u009f\\]/g;
const escapeCharacters = (text: string): string =>
  text.replace(ESCAPED, (character) => Array.from(Buffer.from(character, "utf8"), escapeByte).join(""));
const escapeByte = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;

/**
 * Returns the path of a text. Throws a RangeError when a backslash begins no escape, since `encodePath` never writes
 * that.
 */
export function decodePath(text: string): Buffer {
  if (!text.includes("\\")) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  for (const [part] of text.matchAll(/[^\\]+|\\(?:x[0-9a-f]{2})?/g)) {
    if (part === "\\") throw new RangeError("a backslash in the text of a path must begin an escape \\xNN");
    parts.push(part.startsWith("\\") ? Buffer.from([Number.parseInt(part.slice(2), 16)]) : Buffer.from(part, "utf8"));
  }
  return Buffer.concat(parts);
}

/** Returns the length of the well-formed UTF-8 sequence that starts here (Unicode, table 3-7), or 0 when none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return length > 0 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
