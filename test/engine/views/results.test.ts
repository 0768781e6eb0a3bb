import { describe, expect, it } from "vitest";
import { canvasOf } from "../../../functions/sdk/canvas-builder.ts";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const echo = defineTask({ name: "echo", run: (_ctx, value: number) => value });
const stream = defineTask({
  name: "stream",
  run: async function* (_ctx, count: number) {
    for (let i = 0; i < count; i++) yield echo.s(i);
  },
});

/** Leaves are narrow, so that a few members make a tree. */
async function resultsOf(
  canvas: Parameters<typeof canvasOf>[0],
  from: number,
): Promise<(readonly [number, unknown])[]> {
  const local = new LocalEngine([echo, stream], { width: 3 });
  const { jobId } = await local.engine.submit({ canvas: canvasOf(canvas) });
  await local.untilQuiet();
  const results: (readonly [number, unknown])[] = [];
  for await (const { index, value } of local.engine.results(jobId, { from })) results.push([index, value]);
  return results;
}
const expected = (from: number, count: number) =>
  Array.from({ length: Math.max(0, count - from) }, (_, k) => [from + k, from + k]);

describe("results from an index on", () => {
  it.each([0, 1, 2, 3, 7, 10, 11, 12, 50])("results of a group of 11 can be read from index %i on", async (from) => {
    expect(await resultsOf(group(Array.from({ length: 11 }, (_, i) => echo.s(i))), from)).toEqual(expected(from, 11));
  });
  it.each([0, 1, 4, 9, 15, 16, 40])(
    "results of a stream of 16, in pages, can be read from index %i on",
    async (from) => {
      expect(await resultsOf(stream.s(16), from)).toEqual(expected(from, 16));
    },
  );
  it("results of one value have only the index 0", async () => {
    expect(await resultsOf(echo.s(0), 0)).toEqual([[0, 0]]);
    expect(await resultsOf(echo.s(0), 1)).toEqual([]);
  });
});
