import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import type { JobPlan } from "../../functions/client/index.ts";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

describe("fanfold plan", () => {
  it("plan prints counts, prices, time and the dominating part, and starts nothing", { timeout: 120_000 }, async () => {
    const data = newFolder();
    const { code, stdout } = await fanfold(["plan", "example.sum-of-sums", "-f", "n=1000", "--data", data]);
    expect(code).toBe(0);
    for (const line of [
      /^task runs +1,001$/m,
      /^messages +64: 1 engine, 63 /m,
      /^rows +2,002 +\$0\.0013$/m,
      /^price +\$0\.00.*us-east-1/m,
      /^time +at least /m,
      /^mostly +rows: \d+% /m,
    ])
      expect(stdout).toMatch(line);
    const jobs = await fanfold(["jobs", "--data", data, "--json"]);
    expect(jsonLines(jobs.stdout)).toEqual([{ items: [] }]);
  });

  it("plan takes a canvas from a file and prints JSON", { timeout: 120_000 }, async () => {
    const data = newFolder();
    const file = join(data, "canvas.json");
    writeFileSync(file, JSON.stringify({ chain: [{ task: "noop" }, { task: "noop" }] }));
    const { stdout } = await fanfold(["plan", file, "--seconds-per-task", "3", "--json", "--data", data]);
    expect(jsonLines<JobPlan>(stdout)).toMatchObject([{ taskRuns: 2, secondsPerTask: 3, time: { seconds: 6 } }]);
  });

  it("plan refuses what a start refuses, with the same code", { timeout: 120_000 }, async () => {
    const { code, stdout } = await fanfold(
      ["plan", "-", "--json", "--data", newFolder()],
      JSON.stringify({ task: "noo" }),
    );
    expect(code).not.toBe(0);
    expect(jsonLines(stdout)).toMatchObject([{ error: { code: "unknown_task" } }]);
  });

  it("plan predicts a chord of very many tasks without a data folder", { timeout: 120_000 }, async () => {
    const { code, stdout } = await fanfold(["plan", "--children", "10000000", "--level", "result"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^children +10,000,000 tracked result/m);
    expect(stdout).toMatch(/^run +.*writes to the table tasks$/m);
    const both = await fanfold(["plan", "example.sum-of-sums", "--children", "5"]);
    expect([both.code, both.stderr]).toEqual([EXIT.usage, expect.stringContaining("--children")]);
  });
});
