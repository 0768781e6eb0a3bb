import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Blobs, PortError } from "../../engine/ports.ts";
import { asUnwritable, type OnUnwritable } from "../lmdb/lmdb-environment.ts";
import { isMissing } from "../machine/disk-error.ts";
import { syncFolder } from "../machine/sync-folder.ts";
import { blobOwner } from "./blob-owner.ts";
import { ContentFiles } from "./content-files.ts";

/** Longer names are replaced by their hash, since file systems allow 255 bytes. */
const MAX_NAME_CHARACTERS = 200;

/**
 * Keeps blobs by name as files, `<folder>/owners/<owner>/<2 digits>/<name>`. So all blobs of an owner can be removed at once,
 * and no folder grows large. A file is written under another name first, so it is complete when it gets its own. When
 * the promise resolves the file is on the disk under its name, because the row that names it may be flushed at any time
 * after.
 */
export class FileBlobs implements Pick<Blobs, "put" | "get"> {
  /** Blobs by content, in the same folder. */
  readonly contents: ContentFiles;
  readonly #folder: string;
  readonly #drafts: string;
  readonly #onUnwritable: OnUnwritable | undefined;
  readonly #process = randomBytes(6).toString("hex");
  #written = 0;

  constructor(folder: string, onUnwritable?: OnUnwritable) {
    this.#folder = folder;
    this.#onUnwritable = onUnwritable;
    this.contents = new ContentFiles(folder, onUnwritable);
    this.#drafts = join(folder, "drafts");
    mkdirSync(this.#drafts, { recursive: true });
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    const path = this.#pathOf(name);
    const draft = join(this.#drafts, `${this.#process}-${++this.#written}`);
    try {
      await writeThrough(draft, content);
      await this.#rename(draft, path);
      // The two folders above may be as new as the file.
      const folder = dirname(path);
      await Promise.all([folder, dirname(folder), dirname(dirname(folder))].map(syncFolder));
    } catch (error) {
      await rm(draft, { force: true }).catch(() => undefined);
      throw (
        asUnwritable(error, this.#folder, this.#onUnwritable) ??
        new PortError("ambiguous", `blob ${name} could not be written`, { cause: error })
      );
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#pathOf(name));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new PortError("outage", `blob ${name} could not be read`, { cause: error });
    }
  }

  async removeOwner(owner: string): Promise<void> {
    await rm(this.#ownerFolder(owner), { recursive: true, force: true });
  }

  /** Removes the drafts of processes that died while writing. Call it at a start, while no process writes. */
  async removeDrafts(): Promise<void> {
    await rm(this.#drafts, { recursive: true, force: true });
    await mkdir(this.#drafts, { recursive: true });
  }

  /** The folder is missing only for the first blob of an owner, or while the owner is removed. */
  async #rename(draft: string, path: string): Promise<void> {
    try {
      await rename(draft, path);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await mkdir(dirname(path), { recursive: true });
      await rename(draft, path);
    }
  }

  #pathOf(name: string): string {
    return join(this.#ownerFolder(blobOwner(name)), hashOf(name).slice(0, 2), fileName(name));
  }
  #ownerFolder(owner: string): string {
    return join(this.#folder, "owners", fileName(owner));
  }
}

/**
 * Keeps letters, digits, `-` and `_`, and writes every other byte as `%` and two digits. That includes `.` and `/`, so
 * no name leads out of its folder.
 */
function fileName(name: string): string {
  let encoded = "";
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9_-]/.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return encoded.length > 0 && encoded.length <= MAX_NAME_CHARACTERS ? encoded : `%hash-${hashOf(name)}`;
}
function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

async function writeThrough(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}
