import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fanfold, jsonLines, newFolder, start } from "./cli.ts";

describe("without a dev server", () => {
  it("run starts an engine for one job, and later commands read its results", { timeout: 60_000 }, async () => {
    const data = newFolder();
    const ran = await fanfold(["run", "example.sum-of-sums", "-f", "n=5", "--data", data, "--json"]);
    expect(ran.code).toBe(0);
    const [job] = jsonLines<{ jobId: string; value: number; state: string }>(ran.stdout);
    expect(job).toMatchObject({ state: "success", value: 20, workflow: "example.sum-of-sums", parameters: { n: 5 } });
    expect(ran.stderr).toContain("success: 6 runs");
    const results = await fanfold(["results", job!.jobId, "--data", data, "--json"]);
    expect(jsonLines(results.stdout)).toMatchObject([{ index: 0, status: "success", value: 20 }]);
  });

  it("run takes a canvas from stdin, and exits with 1 when the job fails", { timeout: 60_000 }, async () => {
    const canvas = JSON.stringify({
      group: [
        { task: "math.add", args: [1, 2] },
        { task: "fail", kwargs: { retryable: false, message: "no luck" } },
      ],
    });
    const ran = await fanfold(["run", "-", "--data", newFolder()], canvas);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("no luck");
    expect(ran.stdout).toMatch(/0 {2}success +3\n.*1 {2}error +TaskError: no luck\n/);
  });

  it("submit refuses to start without a dev server", { timeout: 60_000 }, async () => {
    const { code, stderr, stdout } = await fanfold(["submit", "example.sum-of-sums", "--data", newFolder(), "--json"]);
    expect(code).toBe(1);
    expect(stderr).toContain("npm run dev");
    expect(jsonLines(stdout)).toMatchObject([{ error: { code: "engine_unavailable" } }]);
  });

  it("an interrupted run keeps its job, and watch continues it", { timeout: 90_000 }, async () => {
    const data = newFolder();
    const running = start(
      ["run", "-", "--data", data],
      JSON.stringify({
        chain: [
          { task: "sleep", args: [2] },
          { task: "math.add", args: [40] },
        ],
      }),
    );
    const jobId = (await running.line("stderr", (line) => line.startsWith("job "))).slice(4);
    running.child.kill("SIGINT");
    const interrupted = await running.ended;
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toContain(`fanfold watch ${jobId}`);
    const watched = await fanfold(["watch", jobId, "--data", data, "--json"]);
    expect(watched.code).toBe(0);
    expect(jsonLines(watched.stdout)).toMatchObject([{ jobId, state: "success", value: 42 }]);
  });
});

describe("demo", () => {
  it("demo inventories a folder, twice as two jobs, and agrees with find", { timeout: 90_000 }, async () => {
    const folder = newFolder();
    mkdirSync(join(folder, "a/b"), { recursive: true });
    for (const [name, text] of [
      ["one.txt", "same"],
      ["a/two.txt", "same"],
      ["a/b/three.md", "other"],
      ["a/b/empty", ""],
    ] as const)
      writeFileSync(join(folder, name), text);
    symlinkSync(join(folder, "one.txt"), join(folder, "link"));
    const data = newFolder();
    const first = await fanfold(["demo", folder, "--data", data, "--json"]);
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining("success") as string]);
    const [report] = jsonLines(first.stdout);
    const find = (type: string): number =>
      execFileSync("find", [folder, "-type", type], { encoding: "utf8" }).split("\n").length - 1;
    expect(report).toMatchObject({
      state: "success",
      files: find("f"),
      directories: find("d"),
      bytes: 13,
      failures: [],
      duplicates: [{ bytes: 4, paths: ["a/two.txt", "one.txt"] }],
    });
    const second = await fanfold(["demo", folder, "--data", data]);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain("4 files in 3 directories, 13 B, 1 link not followed");
    expect(second.stderr).not.toContain(String(report!["job"]));
  });

  it("demo refuses a missing folder, and state inside of the folder", { timeout: 60_000 }, async () => {
    const folder = newFolder();
    const [none, inside] = await Promise.all([
      fanfold(["demo", join(folder, "none")]),
      fanfold(["demo", folder, "--data", join(folder, "data")]),
    ]);
    expect([none.code, inside.code]).toEqual([2, 2]);
    expect(none.stderr).toContain("there is no folder");
    expect(inside.stderr).toContain("--data");
  });
});
