import { describe, expect, it } from "vitest";
import { ndjsonResponse } from "../../functions/api/ndjson.ts";
import { readLines } from "../../functions/client/transport.ts";

/** Counts the values that were pulled. */
function source(count: number, fillBytes = 0) {
  const seen = { pulled: 0, ended: false };
  const fill = "x".repeat(fillBytes);
  async function* values() {
    try {
      for (let index = 0; index < count; index++) {
        seen.pulled++;
        yield { index, fill };
      }
    } finally {
      seen.ended = true;
    }
  }
  return { seen, values: values() };
}

describe("an NDJSON stream", () => {
  it("an NDJSON stream carries every value, whatever the sizes of chunks", async () => {
    const { values } = source(5_000, 37);
    const read: number[] = [];
    for await (const line of readLines<{ index: number }>(await ndjsonResponse(values))) read.push(line.index);
    expect(read).toEqual(Array.from({ length: 5_000 }, (_, index) => index));
  });

  it("an NDJSON stream pulls no more than its reader takes", async () => {
    const { seen, values } = source(1_000_000, 1_000);
    const reader = (await ndjsonResponse(values)).body!.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.pulled).toBeLessThan(100);
    await reader.cancel();
    expect(seen.ended).toBe(true);
  });

  it("an NDJSON stream ends its source when the reader leaves the loop", async () => {
    const { seen, values } = source(1_000_000, 1_000);
    for await (const line of readLines<{ index: number }>(await ndjsonResponse(values))) if (line.index === 3) break;
    expect(seen.ended).toBe(true);
  });

  it("an NDJSON stream throws when its source fails at once, and breaks off when it fails later", async () => {
    const failing = async function* (after: number) {
      for (let index = 0; index < after; index++) yield { index };
      throw new Error("store gone");
    };
    await expect(ndjsonResponse(failing(0))).rejects.toThrow("store gone");
    const response = await ndjsonResponse(failing(2), { live: true });
    const read: number[] = [];
    const all = (async () => {
      for await (const line of readLines<{ index: number }>(response)) read.push(line.index);
    })();
    await expect(all).rejects.toMatchObject({ code: "engine_unavailable" });
    expect(read).toEqual([0, 1]);
  });

  it("an NDJSON stream of no values is empty", async () => {
    expect(await (await ndjsonResponse(source(0).values)).text()).toBe("");
  });
});
