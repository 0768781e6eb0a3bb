import { ITEM_VERSION, keptBlobKey } from "../../engine/item-kinds.ts";
import { absent, lt, or } from "../../engine/items/conditions.ts";
import type { Blobs, OpenBlob, StoredBlob } from "../../engine/ports.ts";
import { asPortError } from "../lmdb/commit-gatherer.ts";
import type { ExpiringBlobs } from "../lmdb/expire.ts";
import { type LmdbEnvironment, readCopy } from "../lmdb/lmdb-environment.ts";
import { partitionPrefix, prefixEnd } from "../lmdb/lmdb-key.ts";
import { LmdbStore } from "../lmdb/lmdb-store.ts";
import { blobOwner } from "./blob-owner.ts";
import type { FileBlobs } from "./file-blobs.ts";

/** A larger blob is as fast as a file, and as a file it takes no space in the map that all processes have in memory. */
const MAX_INSIDE_BYTES = 64 * 1_024;
const REMOVE_BATCH = 200;

/**
 * Keeps the blobs of one machine. Small ones with a name lie beside the items and share their commits. Large ones are
 * files, and so is all content.
 *
 * Until when content is kept is the `ttl` of an item, which is written before the file gets its name. The file is
 * removed in the transaction that removes the item (Expirer). So an item that was raised protects its file from then
 * on, and a file without an item is left only by a power cut.
 */
export class LocalBlobs implements Blobs, ExpiringBlobs {
  readonly #environment: LmdbEnvironment;
  readonly #files: FileBlobs;
  readonly #store: LmdbStore;

  constructor(environment: LmdbEnvironment, files: FileBlobs) {
    this.#environment = environment;
    this.#files = files;
    this.#store = new LmdbStore(environment);
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

  async store(content: AsyncIterable<Uint8Array>, until: number, sha256?: string): Promise<StoredBlob> {
    const { contents } = this.#files;
    const draft = await contents.write(content, sha256);
    try {
      await this.#raise(draft.sha256, until);
      await contents.place(draft);
    } catch (error) {
      await contents.discard(draft).catch(() => undefined);
      throw error;
    }
    return { sha256: draft.sha256, bytes: draft.bytes };
  }
  async keep(sha256: string, until: number): Promise<number | undefined> {
    if ((await this.#files.contents.size(sha256)) === undefined) return undefined;
    await this.#raise(sha256, until);
    // Again, because it may have been removed before the item was raised.
    return this.#files.contents.size(sha256);
  }
  open(sha256: string): Promise<OpenBlob | undefined> {
    return this.#files.contents.open(sha256);
  }
  removeContentSync(sha256: string): void {
    this.#files.contents.removeSync(sha256);
  }
  removeOldDrafts(before: number): Promise<void> {
    return this.#files.contents.removeOldDrafts(before);
  }
  async adoptStrays(until: number): Promise<void> {
    for await (const names of this.#files.contents.names())
      for (const sha256 of names)
        if ((await this.#store.get(keptBlobKey(sha256))) === undefined) await this.keep(sha256, until);
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

  /** Reads first, since content that is used often is kept long enough nearly always. */
  async #raise(sha256: string, until: number): Promise<void> {
    const key = keptBlobKey(sha256);
    const ttl = (await this.#store.get(key))?.attributes["ttl"];
    if (typeof ttl === "number" && ttl >= until) return;
    const change = { set: { ttl: until }, setOnce: { v: ITEM_VERSION } };
    await this.#store.write({ op: "update", key, change, when: or(absent(), lt("ttl", until)) });
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
