import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Blobs } from "../../functions/engine/ports.ts";

export interface BlobsUnderTest {
  readonly blobs: Blobs;
  close?(): Promise<void>;
}

export function blobsContract(name: string, factory: () => Promise<BlobsUnderTest>): void {
  describe(`blobs contract: ${name}`, () => {
    let subject: BlobsUnderTest;
    let blobs: Blobs;
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
        "I#0a1b/0/1",
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
