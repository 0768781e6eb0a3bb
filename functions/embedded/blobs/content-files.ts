import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, unlinkSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isSha256, requireSha256 } from "../../core/blob-ref.ts";
import { type OpenBlob, PortError, type StoredBlob } from "../../engine/ports.ts";
import { asUnwritable, type OnUnwritable } from "../lmdb/lmdb-environment.ts";
import { isMissing } from "../machine/disk-error.ts";
import { syncFolder } from "../machine/sync-folder.ts";

/** Bytes that are read at once. */
const READ_BYTES = 256 * 1_024;

/** Content that has been written, and has no name yet. */
export interface Draft extends StoredBlob {
  readonly path: string;
}

/**
 * Keeps content as files, `<folder>/contents/<2 digits>/<SHA-256>`. A file is written as a draft while its hash is
 * computed, and is complete and on the disk when it gets its name. Which files are still wanted, LocalBlobs knows.
 */
export class ContentFiles {
  readonly #folder: string;
  readonly #drafts: string;
  readonly #onUnwritable: OnUnwritable | undefined;
  readonly #process = randomBytes(6).toString("hex");
  #written = 0;

  constructor(folder: string, onUnwritable?: OnUnwritable) {
    this.#folder = folder;
    this.#onUnwritable = onUnwritable;
    this.#drafts = join(folder, "drafts");
    mkdirSync(this.#drafts, { recursive: true });
  }

  /** Writes content as a draft. Leaves none when the content throws or the disk does. */
  async write(content: AsyncIterable<Uint8Array>, sha256?: string): Promise<Draft> {
    const path = join(this.#drafts, `${this.#process}-content-${++this.#written}`);
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      const file = await this.#disk(() => open(path, "wx", 0o600));
      try {
        for await (const piece of content) {
          hash.update(piece);
          bytes += piece.byteLength;
          await this.#disk(() => writeAll(file, piece));
        }
        await this.#disk(() => file.datasync());
      } finally {
        await file.close();
      }
      const found = hash.digest("hex");
      requireSha256(found, sha256);
      return { path, sha256: found, bytes };
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
  }
  /** Gives a draft its name. Harmless when the file is there, because it has the same content. */
  async place({ path, sha256 }: Draft): Promise<void> {
    const name = this.#pathOf(sha256);
    await this.#disk(async () => {
      await mkdir(dirname(name), { recursive: true });
      await rename(path, name);
      await Promise.all([dirname(name), dirname(dirname(name)), this.#folder].map(syncFolder));
    });
  }
  async discard({ path }: Draft): Promise<void> {
    await rm(path, { force: true });
  }
  /** Returns the size in bytes; undefined when there is no such file. */
  async size(sha256: string): Promise<number | undefined> {
    try {
      return (await stat(this.#pathOf(sha256))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new PortError("outage", `blob ${sha256} could not be read`, { cause: error });
    }
  }
  async open(sha256: string): Promise<OpenBlob | undefined> {
    const bytes = await this.size(sha256);
    return bytes === undefined ? undefined : { bytes, content: this.#read(sha256) };
  }
  /** Removes drafts that were last written before this time, in milliseconds since the epoch. */
  async removeOldDrafts(before: number): Promise<void> {
    for (const name of await readdir(this.#drafts)) {
      const path = join(this.#drafts, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (mtimeMs < before) await rm(path, { force: true });
    }
  }
  /** Yields the SHA-256 of every file, a folder at a time. */
  async *names(): AsyncGenerator<readonly string[], void, undefined> {
    const folder = join(this.#folder, "contents");
    const list = (path: string): Promise<string[]> =>
      readdir(path).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
    for (const part of await list(folder)) yield (await list(join(folder, part))).filter(isSha256);
  }
  /** Removes a file, in the transaction in which nothing wants it any more. */
  removeSync(sha256: string): void {
    try {
      unlinkSync(this.#pathOf(sha256));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Opens the file with the first piece that is asked for, so one that nobody reads holds nothing. */
  async *#read(sha256: string): AsyncGenerator<Uint8Array, void, undefined> {
    const failed = (cause: unknown): never => {
      throw new PortError("outage", `blob ${sha256} could not be read`, { cause });
    };
    const file = await open(this.#pathOf(sha256)).catch(failed);
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(READ_BYTES)).catch(failed);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
  async #disk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw (
        asUnwritable(error, this.#folder, this.#onUnwritable) ??
        new PortError("ambiguous", "a blob could not be written", { cause: error })
      );
    }
  }
  #pathOf(sha256: string): string {
    return join(this.#folder, "contents", sha256.slice(0, 2), sha256);
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength;) at += (await file.write(piece, at)).bytesWritten;
}
