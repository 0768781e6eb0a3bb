import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { PROBLEMS } from "../../functions/api/problem.ts";
import type { ErrorCode } from "../../functions/core/errors.ts";
import { READ_SOURCES } from "../read-sources.ts";
import { LIMIT_CASES } from "./limit-cases.ts";

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
