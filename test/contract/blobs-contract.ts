import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Blobs } from "../../functions/engine/ports.ts";

export interface BlobsUnderTest<B = Blobs> {
  readonly blobs: B;
  close?(): Promise<void>;
}

type Named = Pick<Blobs, "put" | "get">;

/** The contract of blobs by name. */
export function namedBlobsContract(name: string, factory: () => Promise<BlobsUnderTest<Named>>): void {
  describe(`blobs by name: ${name}`, () => {
    let subject: BlobsUnderTest<Named>;
    let blobs: Named;
    const job = "01JD0000000000000000000000";
    const text = (content: Uint8Array | undefined) => content && Buffer.from(content).toString("utf8");
    beforeAll(async () => {
      subject = await factory();
      blobs = subject.blobs;
    });
    afterAll(async () => subject.close?.());

    it("an unknown blob reads as undefined", async () => {
      expect(await blobs.get(`${job}/nothing`)).toBeUndefined();
    });

    it("a blob of any size is read back as it was put", async () => {
      for (const bytes of [0, 1, 4_096, 65_536, 65_537, 3_000_000]) {
        const content = new Uint8Array(bytes).map((_, index) => (index * 31) & 255);
        await blobs.put(`${job}/size/${bytes}`, content);
        const found = await blobs.get(`${job}/size/${bytes}`);
        expect(found?.byteLength).toBe(bytes);
        expect(Buffer.compare(found!, content)).toBe(0);
      }
    });

    it("a second put of the same content is harmless, even at the same time", async () => {
      const content = Buffer.from("same".repeat(30_000));
      await Promise.all(Array.from({ length: 5 }, () => blobs.put(`${job}/twice`, content)));
      await blobs.put(`${job}/twice`, content);
      expect(text(await blobs.get(`${job}/twice`))).toBe(content.toString());
    });

    it("names that differ only in special characters are different blobs", async () => {
      const names = [
        `${job}/a`,
        `${job}/A.b`,
        `${job}/a/b`,
        `${job}/a%2fb`,
        `${job}/a#b`,
        `${job}/a~b`,
        `${job}.4~1/0/2`,
        `p/${job}/a`,
        `~${"0a1b2c3d".repeat(5)}/value/x/0/1`,
        "../outside",
        "/etc/absolute",
        "..",
        ".",
        "a/../b",
        "b",
        "back\\slash",
        "grün/😀",
        `long/${"x".repeat(400)}`,
        `long/${"x".repeat(401)}`,
      ];
      for (const filler of ["", "z".repeat(70_000)]) {
        for (const each of names) await blobs.put(each + (filler && "-large"), Buffer.from(each + filler));
        for (const each of names) expect(text(await blobs.get(each + (filler && "-large")))).toBe(each + filler);
      }
    });

    it("a stored blob does not change with the bytes that were put or read", async () => {
      const content = Uint8Array.of(1, 2, 3);
      await blobs.put(`${job}/copy`, content);
      content[0] = 9;
      const first = await blobs.get(`${job}/copy`);
      first![1] = 9;
      expect([...(await blobs.get(`${job}/copy`))!]).toEqual([1, 2, 3]);
    });
  });
}

/** The contract of blobs by content. `sizes` are in bytes. */
function contentContract(name: string, factory: () => Promise<BlobsUnderTest>, sizes: readonly number[]): void {
  describe(`blobs by content: ${name}`, () => {
    let subject: BlobsUnderTest;
    let blobs: Blobs;
    beforeAll(async () => {
      subject = await factory();
      blobs = subject.blobs;
    });
    afterAll(async () => subject.close?.());

    it("content of any size, in pieces of any size, is stored under its SHA-256 and read back", async () => {
      for (const bytes of sizes) {
        const content = bytesOf(bytes);
        const stored = await blobs.store(piecesOf(content, 70_001), LATER);
        expect(stored).toEqual({ sha256: hashOf(content), bytes });
        const opened = await blobs.open(stored.sha256);
        expect(opened?.bytes).toBe(bytes);
        expect(Buffer.compare(await readAll(opened?.content), content)).toBe(0);
      }
    });

    it("unknown content is neither opened nor kept", async () => {
      const nothing = hashOf(Buffer.from("never put"));
      expect(await blobs.open(nothing)).toBeUndefined();
      expect(await blobs.keep(nothing, LATER)).toBeUndefined();
    });

    it("content that is kept tells its size", async () => {
      const { sha256 } = await blobs.store(piecesOf(Buffer.from("kept"), 2), LATER);
      expect(await blobs.keep(sha256, LATER + 1_000)).toBe(4);
      expect(await blobs.keep(sha256, LATER)).toBe(4);
    });

    it("equal content is one object, even when it is put at the same time", async () => {
      const content = bytesOf(200_000);
      const puts = await Promise.all(Array.from({ length: 4 }, () => blobs.store(piecesOf(content, 9_999), LATER)));
      expect(new Set(puts.map(({ sha256 }) => sha256))).toEqual(new Set([hashOf(content)]));
      expect((await readAll((await blobs.open(hashOf(content)))?.content)).equals(content)).toBe(true);
    });

    it("content whose stream throws, early or late, is not stored, and its error is told as it is", async () => {
      for (const bytes of [10, Math.max(...sizes)]) {
        const content = bytesOf(bytes, 7);
        const failing = (async function* () {
          yield* piecesOf(content, 70_001);
          throw new RangeError("the source broke");
        })();
        await expect(blobs.store(failing, LATER)).rejects.toThrow(RangeError);
        expect(await blobs.open(hashOf(content))).toBeUndefined();
      }
    });

    it("content that has not the announced SHA-256 is refused and not stored", async () => {
      for (const bytes of [100, Math.max(...sizes)]) {
        const content = bytesOf(bytes, 13);
        const announced = hashOf(Buffer.from("something else"));
        await expect(blobs.store(piecesOf(content, 70_001), LATER, announced)).rejects.toMatchObject({
          code: "blob_mismatch",
        });
        expect(await blobs.open(hashOf(content))).toBeUndefined();
        expect(await blobs.open(announced)).toBeUndefined();
        await blobs.store(piecesOf(content, 70_001), LATER, hashOf(content));
        expect((await blobs.open(hashOf(content)))?.bytes).toBe(bytes);
      }
    });

    it("a reader may stop early, and another reads from the start", async () => {
      const content = bytesOf(600_000);
      const { sha256 } = await blobs.store(piecesOf(content, 70_001), LATER);
      for await (const piece of (await blobs.open(sha256))?.content ?? []) {
        expect(piece.byteLength).toBeGreaterThan(0);
        break;
      }
      expect((await readAll((await blobs.open(sha256))?.content)).byteLength).toBe(600_000);
    });
  });
}
/** Seconds since the epoch: in the year 2100, so that no test meets it. */
const LATER = 4_102_444_800;
const SIZES = [0, 1, 65_537, 3_000_000];

export function blobsContract(name: string, factory: () => Promise<BlobsUnderTest>, sizes = SIZES): void {
  namedBlobsContract(name, factory);
  contentContract(name, factory, sizes);
}

function bytesOf(bytes: number, seed = 31): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => (index * seed + (index >> 8)) & 255));
}
function hashOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
async function* piecesOf(content: Uint8Array, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < content.byteLength; at += bytes) yield content.subarray(at, at + bytes);
}
async function readAll(content: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}
