import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { PROBLEMS } from "../../functions/api/problem.ts";
import type { ErrorCode } from "../../functions/core/errors.ts";
import { LIMITS } from "../../functions/core/limits.ts";
import { startApi } from "./api.ts";
import { LIMIT_CASES } from "./limit-cases.ts";
import { NDJSON } from "./refused-parts.ts";
import { READ_SOURCES } from "../read-sources.ts";

interface Outcome {
  readonly at: {
    readonly planned: number;
    readonly state: string;
    readonly nodes: number;
    readonly runs: number;
    readonly events: number;
    readonly cancelled: string;
  };
  readonly above: { readonly answers: readonly object[]; readonly written: number };
  readonly reported: readonly string[];
}

// Node's own stack is 984 KB, on Lambda too. Whatever recurses over something that a caller sizes overflows a third of it.
const SMALL_STACK = "--stack-size=300";

describe("limits, on a small stack", () => {
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    const main = fileURLToPath(new URL("limit-main.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [SMALL_STACK, ...READ_SOURCES, main], {
      maxBuffer: 64 * 1024 * 1024,
    });
    outcomes = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Outcome);
  }, 300_000);

  it.each(LIMIT_CASES.map((each, index) => ({ ...each, index })))(
    "$limit: as many $what as it says are planned, submitted, run, shown and cancelled, and one more is refused with $code",
    ({ index, ends, code, field }) => {
      const { at, above, reported } = outcomes[index] as Outcome;
      expect(at).toMatchObject({ planned: 200, cancelled: "cancelled" });
      expect(at.state).toBe(ends === "not run" ? "pending" : (ends ?? "success"));
      expect(at.nodes).toBeGreaterThan(0);
      expect(at.nodes).toBeLessThan(600);
      const least = ends === undefined ? 1 : 0;
      expect(Math.min(at.runs, at.events)).toBeGreaterThanOrEqual(least);
      const refused = { status: PROBLEMS[code as ErrorCode][0], code, ...(field !== undefined && { field }) };
      expect(above.answers).toMatchObject([refused, refused]);
      expect(above.written).toBe(0);
      expect(reported).toEqual([]);
    },
  );
});

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
    expect(names.length).toBe(20);
  });
});
