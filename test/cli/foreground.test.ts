import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fanfold, jsonLines, newFolder, start } from "./cli.ts";

const TASKS = fileURLToPath(new URL("fixtures/pid-tasks.ts", import.meta.url));

describe("--foreground", { timeout: 120_000 }, () => {
  it("D092 S037 run and retry execute in the calling process, and show where the code threw", async () => {
    const data = newFolder();
    const file = join(data, "stop");
    const own = ["--foreground", "--data", data, "--tasks", TASKS];
    writeFileSync(file, "");
    const failed = await fanfold(["run", "-", ...own], JSON.stringify({ task: "pid", args: [file] }));
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/\nRangeError: the file is there\n +at .*pid-tasks\.ts:9:/);
    const jobId = /^job (\S+)/.exec(failed.stderr)?.[1] as string;
    const stored = await fanfold(["job", jobId, "--json", "--data", data, "--tasks", TASKS]);
    expect(jsonLines(stored.stdout)).toMatchObject([{ state: "failure", error: { name: "RangeError" } }]);
    rmSync(file);
    const retry = start(["retry", `${jobId}.0`, "--yes", "--json", ...own]);
    const { code, stdout } = await retry.ended;
    expect([code, ...jsonLines(stdout)]).toMatchObject([0, { state: "success", round: 1, value: retry.child.pid }]);
  });
  it("is refused beside a dev server, whose tasks run elsewhere", async () => {
    const data = newFolder();
    const server = start(["dev", "--port", "0", "--data", data, "--workers", "1", "--json"]);
    await server.line("stdout", (line) => line.startsWith("{"));
    const { code, stderr } = await fanfold(
      ["run", "-", "--foreground", "--data", data],
      JSON.stringify({ task: "noop" }),
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining("stop it first") as string]);
  });
});
