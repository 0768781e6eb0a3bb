import type { Blobs } from "../../engine/ports.ts";

/** Keeps blobs in memory. Contents are copied both ways, so no caller can change a stored blob. */
export class MemoryBlobs implements Blobs {
  readonly #contents = new Map<string, Uint8Array>();

  async put(name: string, content: Uint8Array): Promise<void> {
    this.putSync(name, content);
  }
  async get(name: string): Promise<Uint8Array | undefined> {
    return this.getSync(name);
  }

  putSync(name: string, content: Uint8Array): void {
    this.#contents.set(name, content.slice());
  }
  getSync(name: string): Uint8Array | undefined {
    return this.#contents.get(name)?.slice();
  }
  names(): readonly string[] {
    return [...this.#contents.keys()];
  }
  clear(): void {
    this.#contents.clear();
  }
}
