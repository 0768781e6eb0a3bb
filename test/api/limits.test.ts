import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../functions/core/limits.ts";
import { startApi } from "./api.ts";
import { LIMIT_CASES } from "./limit-cases.ts";
import { NDJSON } from "./refused-parts.ts";

describe("limits of an input page", () => {
  const item = (characters: number) => `{"task":"noop","args":["${"x".repeat(characters)}"]}\n`;
  const pageOf = (bytes: number) => item(bytes - item(0).length);
  it.each([
    ["pageItems", item(0).repeat(LIMITS.pageItems), item(0).repeat(LIMITS.pageItems + 1)],
    ["pageBytes", pageOf(LIMITS.pageBytes), pageOf(LIMITS.pageBytes + 1)],
  ])("%s: a page at its limit is stored and run, and one above is refused", async (_limit, at, above) => {
    const api = startApi();
    const { jobId } = (await (await api.ask("POST", "/jobs?input", { json: {} })).json()) as { jobId: string };
    const put = (body: string) => api.ask("PUT", `/jobs/${jobId}/input/0`, { body, headers: NDJSON });
    expect(await (await put(above)).json()).toMatchObject({ code: "payload_too_large" });
    expect((await put(at)).status).toBe(200);
    await api.ask("POST", `/jobs/${jobId}/input/seal`, { json: { pages: 1 } });
    await api.local.untilQuiet();
    expect(await api.client.job(jobId)).toMatchObject({ state: "success" });
  });
});

describe("the limits that docs/guarantees.md states", () => {
  const ELSEWHERE: { readonly [limit: string]: string } = {
    valueBytes: "test/sdk/runner.test.ts",
    givenNodes: "test/core/plan/plan-size.test.ts",
    spawnedChildren: "test/sdk/spawning.test.ts",
    revokedStamps: "test/engine/control/revoke-stamped.test.ts",
    rounds: "test/engine/control/retry-job.test.ts",
    batchStarts: "test/api/batch.test.ts",
    pageItems: "test/api/limits.test.ts",
    pageBytes: "test/api/limits.test.ts",
  };
  const rows = readFileSync("docs/guarantees.md", "utf8").matchAll(/^\| .* \| (.*) \| `LIMITS\.(\w+)` \|$/gm);
  const stated = [...rows].map(([, shown, limit]) => ({ shown, limit: limit as keyof typeof LIMITS }));

  it.each(stated)("$limit is what the page says, and has a test", ({ shown, limit }) => {
    const value = LIMITS[limit];
    const units = limit.endsWith("Bytes")
      ? value >= 1024 ** 2
        ? `${value / 1024 ** 2} MB`
        : `${value / 1024} KB`
      : value.toLocaleString("en-US");
    expect(shown).toBe(units);
    const tests = LIMIT_CASES.some((each) => each.limit === limit)
      ? `LIMITS.${limit}`
      : readFileSync(ELSEWHERE[limit] ?? "package.json", "utf8");
    expect(tests).toContain(`LIMITS.${limit}`);
  });
  it("every tested limit is on the page", () => {
    const names = stated.map(({ limit }) => limit);
    for (const { limit } of LIMIT_CASES) expect(names).toContain(limit);
    expect(names.length).toBe(22);
  });
});
