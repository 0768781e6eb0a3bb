import type { Buffer } from "node:buffer";
import type { FileDigest } from "./digest-file.ts";
import type { Visit } from "./walk-folder.ts";

/** A source of files: a folder, or the objects below a prefix of a bucket. Paths are bytes, relative to the source. */
export interface Source {
  /**
   * Yields what the source contains, in an order that depends on names only. `after` continues after that path. Throws
   * when the source itself cannot be read.
   */
  walk(after: Buffer | undefined, signal: AbortSignal): AsyncGenerator<Visit, void, undefined>;
  /** Digests one file. Throws only when aborted, or when a resource is short for a while. */
  digest(path: Buffer, signal: AbortSignal): Promise<FileDigest>;
}
