import { Buffer } from "node:buffer";
import { constants, createReadStream } from "node:fs";
import { access, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { TaskError } from "../../sdk/index.ts";
import { encodePath } from "../inventory/path-text.ts";
import { algorithmOf, type Algorithm } from "./algorithms.ts";
import { entryOf, lineOf, type ManifestEntry } from "./manifest-line.ts";
import { comparePaths } from "./walk-order.ts";

const LINE_FEED = 0x0a;
/** Bytes of lines that are written at once. */
const WRITE_BYTES = 256 * 1024;
/** Bytes of a line: the longest path, every byte escaped, and a digest. */
const LINE_BYTES = 16 * 1024;

/**
 * Yields the entries of a manifest, in order. Yields none when there is no such file.
 * @throws TaskError `manifest_invalid`, `manifest_unsorted`, `other_algorithm`, or the code of the system
 */
export async function* readManifest(manifest: string, algorithm: Algorithm): AsyncGenerator<ManifestEntry> {
  let number = 0;
  let before: ManifestEntry | undefined;
  for await (const line of linesOf(manifest)) {
    number++;
    const entry = entryOf(line);
    if (!entry) throw refused("manifest_invalid", `line ${number} of ${manifest} is none of a manifest`);
    const found = algorithmOf(entry.digest);
    if (found !== algorithm)
      throw refused(
        "other_algorithm",
        `line ${number} of ${manifest} has no ${algorithm} digest, but ${found ?? "another"}`,
      );
    if (before && comparePaths(before.path, entry.path) >= 0)
      throw refused("manifest_unsorted", `${encodePath(entry.path)} in line ${number} of ${manifest} is out of order`);
    before = entry;
    yield entry;
  }
}
async function* linesOf(manifest: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  try {
    for await (const piece of createReadStream(manifest) as AsyncIterable<Buffer>) {
      const bytes = Buffer.concat([rest, piece]);
      let from = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
        yield bytes.subarray(from, end);
        from = end + 1;
      }
      rest = bytes.subarray(from);
      if (rest.length > LINE_BYTES) break;
    }
  } catch (error) {
    if (isMissing(error)) return;
    throw systemError(manifest, error);
  }
  if (rest.length > 0) throw refused("manifest_invalid", `the last line of ${manifest} does not end, or is too long`);
}

/**
 * Writes a manifest, and flushes it to the disk. Removes what it has written when it fails.
 * @returns the number of entries
 * @throws TaskError with the code of the system
 */
export async function writeManifest(path: string, entries: AsyncIterable<ManifestEntry>): Promise<number> {
  const file = await fromSystem(path, () => open(path, "w"));
  let written = 0;
  try {
    let lines: Buffer[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      await fromSystem(path, () => file.writeFile(Buffer.concat(lines)));
      [lines, bytes] = [[], 0];
    };
    for await (const entry of entries) {
      const line = lineOf(entry);
      lines.push(line);
      bytes += line.length;
      written++;
      if (bytes >= WRITE_BYTES) await flush();
    }
    await flush();
    await fromSystem(path, () => file.sync());
    return written;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
/**
 * Returns whether there is such a manifest.
 * @throws TaskError with the code of the system
 */
export async function manifestExists(manifest: string): Promise<boolean> {
  try {
    await access(manifest);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw systemError(manifest, error);
  }
}
/**
 * Says whether a manifest can be written, before anything is read for it.
 * @throws TaskError with the code of the system
 */
export async function requireWritable(manifest: string): Promise<void> {
  await fromSystem(manifest, () => access(dirname(manifest), constants.W_OK));
}
/** Puts a draft in its place. A draft that is gone was put there by an earlier attempt. */
export async function placeDraft(draft: string, manifest: string): Promise<void> {
  try {
    await rename(draft, manifest);
  } catch (error) {
    if (!isMissing(error)) throw systemError(manifest, error);
    await fromSystem(manifest, () => access(manifest));
  }
}
export async function removeDraft(draft: string): Promise<void> {
  await fromSystem(draft, () => rm(draft, { force: true }));
}

async function fromSystem<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw systemError(path, error);
  }
}
const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);
const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT";
/** Errors that every attempt would meet. */
const LASTING: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "EROFS", "ELOOP"]);

/** Returns an error of the system as the end of the job. One that may pass is returned as it is, and retried. */
export function systemError(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (!LASTING.has(code)) return error;
  return new TaskError(`cannot use ${path}: ${String(code)}`, {
    retryable: false,
    reason: String(code),
    cause: error as Error,
  });
}
function refused(reason: string, message: string): TaskError {
  return new TaskError(message, { retryable: false, reason });
}
