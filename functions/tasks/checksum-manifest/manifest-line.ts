import { Buffer } from "node:buffer";

/** One file of a manifest. */
export interface ManifestEntry {
  /** Bytes, relative to the folder. */
  readonly path: Buffer;
  readonly digest: string;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
]);
const UNESCAPED: ReadonlyMap<string, string> = new Map([...ESCAPES].map(([plain, escaped]) => [escaped, plain]));

/**
 * Returns the line of a file, in the form that `sha256sum --check` reads: the digest, two spaces and the bytes of the
 * path. A path with a line break or a backslash has them escaped, and then the line begins with a backslash.
 */
export function lineOf({ path, digest }: ManifestEntry): Buffer {
  // Each byte is one character of latin1, so nothing is lost.
  const text = path.toString("latin1");
  const escaped = text.replace(/[\\\n\r]/g, (character) => ESCAPES.get(character) ?? character);
  return Buffer.from(`${escaped === text ? "" : "\\"}${digest}  ${escaped}\n`, "latin1");
}

/** Reads a line without its end. Returns undefined for one that is none of a manifest. */
export function entryOf(line: Buffer): ManifestEntry | undefined {
  const [, escape = "", digest = "", text = ""] = LINE.exec(line.toString("latin1")) ?? [];
  if (digest === "") return undefined;
  if (escape === "") return { path: Buffer.from(text, "latin1"), digest };
  if (text.replaceAll(/\\[\\nr]/g, "").includes("\\")) return undefined;
  const plain = text.replace(/\\[\\nr]/g, (escaped) => UNESCAPED.get(escaped) ?? escaped);
  return { path: Buffer.from(plain, "latin1"), digest };
}
const LINE = /^(\\?)([0-9a-f]{32,128}) [ *]([^]+)$/;
