import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Blobs, PortError } from "../../engine/ports.ts";
import { syncFolder } from "../machine/sync-folder.ts";
import { blobOwner } from "./blob-owner.ts";

/** Names longer than this are replaced by their hash: file systems end at 255 bytes. */
const MAX_NAME_CHARACTERS = 200;

/**
 * Blobs as files: `<folder>/<owner>/<2 digits>/<name>`, so that all of an owner can be removed at once and no folder grows large. A file is complete
 * from the moment it has its name, since it is written under another one first. It is on the disk under its name when the promise resolves: the row that
 * will name it may be flushed at any time after that.
 */
export class FileBlobs implements Blobs {
  readonly #folder: string;
  readonly #drafts: string;
  readonly #process = randomBytes(6).toString("hex");
  #written = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#drafts = join(folder, "drafts");
    mkdirSync(this.#drafts, { recursive: true });
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    const path = this.#pathOf(name);
    const draft = join(this.#drafts, `${this.#process}-${++this.#written}`);
    try {
      await writeThrough(draft, content);
      await this.#rename(draft, path);
      // The folder and the owner's may be as new as the file.
      const folder = dirname(path);
      await Promise.all([folder, dirname(folder), dirname(dirname(folder))].map(syncFolder));
    } catch (error) {
      await rm(draft, { force: true }).catch(() => undefined);
      throw new PortError("ambiguous", `blob ${name} could not be written`, { cause: error });
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

  /** Drafts of processes that died while writing. To be called at boot, while nobody writes. */
  async removeDrafts(): Promise<void> {
    await rm(this.#drafts, { recursive: true, force: true });
    await mkdir(this.#drafts, { recursive: true });
  }

  /** The folder is made only when it is missing: that is the first blob of a job, or one whose owner is being removed. */
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

/** Letters, digits, `-` and `_` stay; every other byte becomes `%` and two digits, `.` and `/` too, so no name leads out of its folder. */
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
function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
