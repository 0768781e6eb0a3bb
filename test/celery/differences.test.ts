import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { MOST_ON_PURPOSE, readDifferences } from "./outcomes.ts";

it("docs/from-celery.md has a row for each test of Celery that ours does not pass, and for no other", () => {
  const page = readFileSync(new URL("../../docs/from-celery.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(test_\w+\.test_\w+)` \| (\w+) \| (.+) \|$/gm)].map(
    ([, test, kind, reason]) => ({ test, kind, reason }),
  );
  expect(rows).toEqual(readDifferences());
});
it("few of them differ on purpose", () => {
  expect(readDifferences().filter(({ kind }) => kind === "purpose").length).toBeLessThanOrEqual(MOST_ON_PURPOSE);
});
