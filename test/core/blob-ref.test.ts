import { describe, expect, it } from "vitest";
import { blobsIn, blobTypeOf, hasBlobs, mayHoldBlobs, sha256Of } from "../../functions/core/blob-ref.ts";
import { refusalOf } from "./refusal.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const ref = (sha256: string) => ({ $blob: sha256, bytes: 1, type: "text/plain" });

describe("references to blobs", () => {
  it("are found at any depth, as often as they occur", () => {
    const value = [1, ref(A), { deep: [{ er: ref(B) }, ref(A)] }, "$blob", null];
    expect([...blobsIn(value)]).toEqual([A, B, A]);
    expect([hasBlobs(value), mayHoldBlobs(JSON.stringify(value))]).toEqual([true, true]);
  });
  it("are not found where there are none", () => {
    for (const value of [null, 1, "$blob", [], {}, { blob: A }, [["$blob"]]]) {
      expect([...blobsIn(value)]).toEqual([]);
      expect(hasBlobs(value)).toBe(false);
    }
  });
  it("that name no SHA-256 are found too, so that nobody takes them for data", () => {
    for (const wrong of ["", "A".repeat(64), "a".repeat(63), 5, null, { $blob: A }]) {
      expect([...blobsIn({ $blob: wrong })]).toEqual([wrong]);
      expect(hasBlobs({ $blob: wrong })).toBe(true);
    }
  });
  it("name their blob, and so does a SHA-256 by itself; anything else is refused", () => {
    expect([sha256Of(A), sha256Of(ref(A))]).toEqual([A, A]);
    for (const wrong of ["", "A".repeat(64), `${A}a`, {}, null, undefined, 5, { $blob: 5 }])
      expect(refusalOf(() => sha256Of(wrong as never)).code).toBe("invalid_request");
  });
  it("have a media type", () => {
    expect(blobTypeOf(undefined, "/type")).toBe("application/octet-stream");
    expect(blobTypeOf("text/csv; charset=utf-8", "/type")).toBe("text/csv; charset=utf-8");
    for (const wrong of ["", "text", "text/", "a b/c", "text/html\r\nX: y", `text/${"x".repeat(200)}`, 5])
      expect(refusalOf(() => blobTypeOf(wrong as never, "/type")).code).toBe("invalid_request");
  });
});
