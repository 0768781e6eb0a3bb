import type { Buffer } from "node:buffer";
import type { FileDigest } from "./digest-file.ts";
import type { Visit } from "./walk-folder.ts";

/** What can be inventoried: a folder, or the objects below a prefix of a bucket. Paths are bytes, relative to it. */
export interface Source {
  /** In an order that depends on names only; `after`: goes on behind that path. Throws when the source itself cannot be read. */
  walk(after: Buffer | undefined, signal: AbortSignal): AsyncGenerator<Visit, void, undefined>;
  /** Throws only when aborted, or short of something that may come back. */
  digest(path: Buffer, signal: AbortSignal): Promise<FileDigest>;
}
