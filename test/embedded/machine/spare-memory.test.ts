import { getHeapStatistics } from "node:v8";
import { expect, it } from "vitest";
import { SpareMemory } from "../../../functions/embedded/machine/spare-memory.ts";

const used = (): number => getHeapStatistics().used_heap_size / 1_024 / 1_024;

it("what a big submission left is collected; what lives is looked through ever more seldom", () => {
  const spare = new SpareMemory();
  let canvas: number[][] | undefined = Array.from({ length: 2_000_000 }, (_, index) => [index, index]);
  const full = used();
  expect([full > 128, spare.look(0), canvas.length]).toEqual([true, false, 2_000_000]);
  expect(used()).toBeGreaterThan(128);
  canvas = undefined;
  // Nothing was found: the next look comes after twice ten seconds.
  expect(spare.look(19_999)).toBe(false);
  expect(spare.look(20_000)).toBe(true);
  expect(used()).toBeLessThan(full - 100);
});
