import { describe, expect, it } from "vitest";
import { GUIDES, readGuide, renewed } from "./blocks.ts";
import { FIGURES } from "./tables.ts";

describe("figures in the guides", () => {
  it.each(GUIDES)(
    "%s shows the figures of the model (if not, run `npm run figures`)",
    { timeout: 120_000 },
    (guide) => {
      const text = readGuide(guide);
      expect(text).toBe(renewed(text));
    },
  );
  it("each figure stands in one guide", () => {
    const named = GUIDES.flatMap((guide) =>
      [...readGuide(guide).matchAll(/<!-- figures: ([\w-]+) -->/g)].map((match) => match[1]),
    );
    expect(new Set(named)).toEqual(new Set(Object.keys(FIGURES)));
    expect(named.length).toBe(Object.keys(FIGURES).length);
  });
});
