import { expect, it } from "vitest";
import { readGroupOptions } from "../../functions/core/canvas/signature-options.ts";
import { trackingLevels } from "./levels.ts";

it("the tracking levels are those that a group accepts", () => {
  const levels = trackingLevels();
  expect(levels).toContain("lazy");
  expect(levels).toContain("full");
  for (const level of levels) expect(readGroupOptions({ tracking: level }, "/options")).toEqual({ tracking: level });
});
