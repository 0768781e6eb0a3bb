import type { Blobs } from "../../engine/ports.ts";
import { asPortError } from "../lmdb/commit-gatherer.ts";
import type { OwnedBlobs } from "../lmdb/expire.ts";
import { type LmdbEnvironment, readCopy } from "../lmdb/lmdb-environment.ts";
import { partitionPrefix, prefixEnd } from "../lmdb/lmdb-key.ts";
import { blobOwner } from "./blob-owner.ts";
import type { FileBlobs } from "./file-blobs.ts";

/** A larger blob is as fast as a file, and as a file it takes no space in the map that all processes have in memory. */
const MAX_INSIDE_BYTES = 64 * 1_024;
const REMOVE_BATCH = 200;

/** Keeps the blobs of one machine. Small ones lie beside the items and share their commits. Large ones are files. */
export class LocalBlobs implements Blobs, OwnedBlobs {
  readonly #environment: LmdbEnvironment;
  readonly #files: FileBlobs;

  constructor(environment: LmdbEnvironment, files: FileBlobs) {
    this.#environment = environment;
    this.#files = files;
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    if (content.byteLength > MAX_INSIDE_BYTES) await this.#files.put(name, content);
    else {
      // LMDB stores no empty values, so each blob has one byte in front.
      const value = Buffer.concat([Buffer.from([1]), content]);
      await this.#environment.gatherer.run(() => this.#environment.blobs.putSync(blobKey(name), value));
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.#read(name) ?? (await this.#files.get(name));
  }

  async removeOwner(owner: string): Promise<void> {
    const prefix = partitionPrefix(owner);
    const { blobs, gatherer } = this.#environment;
    for (let removed = REMOVE_BATCH; removed === REMOVE_BATCH;) {
      removed = await gatherer.run(() => {
        const keys = [...blobs.getKeys({ start: prefix, end: prefixEnd(prefix), limit: REMOVE_BATCH })];
        for (const key of keys) blobs.removeSync(key);
        return keys.length;
      });
    }
    await this.#files.removeOwner(owner);
  }

  #read(name: string): Uint8Array | undefined {
    try {
      this.#environment.refresh();
      return readCopy(this.#environment.blobs, blobKey(name))?.subarray(1);
    } catch (error) {
      throw asPortError(error);
    }
  }
}

/** The owner comes first, so that all its keys are one range. A long name may be replaced by its hash. */
function blobKey(name: string): string {
  return partitionPrefix(blobOwner(name)) + partitionPrefix(name);
}
