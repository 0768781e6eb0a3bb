import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../functions/core/errors.ts";

describe("docs/errors.md", () => {
  it("lists the codes of core/errors.ts, in their order, and no other", () => {
    const page = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8");
    const documented = [...page.matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]);
    expect(documented).toEqual([...ERROR_CODES]);
  });
});
