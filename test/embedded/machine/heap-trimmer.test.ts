import { getHeapStatistics } from "node:v8";
import { expect, it } from "vitest";
import { HeapTrimmer } from "../../../functions/embedded/machine/heap-trimmer.ts";

const used = (): number => getHeapStatistics().used_heap_size / 1_024 / 1_024;

it("the heap trimmer collects what a large submission left, and waits longer after a collection that freed nothing", () => {
  const trimmer = new HeapTrimmer();
  let canvas: number[][] | undefined = Array.from({ length: 2_000_000 }, (_, index) => [index, index]);
  const full = used();
  expect([full > 128, trimmer.trim(0), canvas.length]).toEqual([true, false, 2_000_000]);
  expect(used()).toBeGreaterThan(128);
  canvas = undefined;
  // The first collection freed nothing, so the pause is twice ten seconds.
  expect(trimmer.trim(19_999)).toBe(false);
  expect(trimmer.trim(20_000)).toBe(true);
  expect(used()).toBeLessThan(full - 100);
});
