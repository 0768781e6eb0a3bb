import { createHash } from "node:crypto";
import { requireSha256 } from "../../core/blob-ref.ts";
import type { Blobs, OpenBlob, StoredBlob } from "../../engine/ports.ts";

interface Content {
  readonly bytes: Uint8Array;
  /** Seconds since the epoch. */
  readonly until: number;
}

/** Keeps blobs in memory. Contents are copied both ways, so no caller can change a stored blob. */
export class MemoryBlobs implements Blobs {
  readonly #contents = new Map<string, Uint8Array>();
  readonly #shared = new Map<string, Content>();

  async put(name: string, content: Uint8Array): Promise<void> {
    this.putSync(name, content);
  }
  async get(name: string): Promise<Uint8Array | undefined> {
    return this.getSync(name);
  }
  async store(content: AsyncIterable<Uint8Array>, until: number, announced?: string): Promise<StoredBlob> {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece.slice());
    const bytes = Buffer.concat(pieces);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    requireSha256(sha256, announced);
    this.#shared.set(sha256, { bytes, until: Math.max(until, this.keptUntil(sha256) ?? 0) });
    return { sha256, bytes: bytes.byteLength };
  }
  async keep(sha256: string, until: number): Promise<number | undefined> {
    const content = this.#shared.get(sha256);
    if (content) this.#shared.set(sha256, { ...content, until: Math.max(until, content.until) });
    return content?.bytes.byteLength;
  }
  async open(sha256: string): Promise<OpenBlob | undefined> {
    const content = this.#shared.get(sha256);
    return content && { bytes: content.bytes.byteLength, content: pieceOf(content.bytes) };
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
  /** Returns until when content is kept, in seconds since the epoch. Returns undefined when there is none. */
  keptUntil(sha256: string): number | undefined {
    return this.#shared.get(sha256)?.until;
  }
  /** Removes content that nobody wants any more at this time, in seconds since the epoch. */
  expire(now: number): void {
    for (const [sha256, { until }] of this.#shared) if (until <= now) this.#shared.delete(sha256);
  }
  clear(): void {
    this.#contents.clear();
    this.#shared.clear();
  }
}
async function* pieceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes.slice();
}
