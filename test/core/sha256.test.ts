import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Sha256 } from "../../functions/core/sha256.ts";

const hashOf = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

it("content has the SHA-256 that the platform computes, in whatever pieces it comes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
      const hash = new Sha256();
      for (const piece of pieces) hash.update(piece);
      const content = Buffer.concat(pieces);
      expect(hash.bytes).toBe(content.length);
      expect(hash.digest()).toBe(hashOf(content));
    }),
  );
});

it("content that ends at the edge of a block, or leaves no room for its length, has its SHA-256", () => {
  for (const bytes of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 121, 128, 100_000]) {
    const content = Buffer.alloc(bytes, bytes);
    expect(new Sha256().update(content).digest()).toBe(hashOf(content));
    expect(new Sha256().update(content.subarray(0, 1)).update(content.subarray(1)).digest()).toBe(hashOf(content));
  }
});
