import type { Blobs } from "../../engine/ports.ts";

/** Blobs in memory; contents are copied both ways, so nobody can change what is stored. */
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
