import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder } from "./cli.ts";
import { READ_SOURCES } from "../read-sources.ts";

/** Writes to it find no room. Linux has it. */
const FULL = "/dev/full";
const ROOT = resolve(import.meta.dirname, "../..");
const shell = (redirection: string, ...args: readonly string[]) =>
  spawnSync(
    "sh",
    ["-c", `node ${READ_SOURCES.join(" ")} cli/main.ts "$@" ${redirection}`, "sh", ...args, "--data", newFolder()],
    {
      cwd: ROOT,
      encoding: "utf8",
      timeout: 60_000,
    },
  );

describe.runIf(existsSync(FULL))("a command whose output is on a full disk", { timeout: 120_000 }, () => {
  it("results that cannot be written end the command with a reason, and without a stack", () => {
    const { status, stderr } = shell(`> ${FULL}`, "jobs", "--json");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error the output could not be written: ENOSPC/);
    expect(stderr).toContain("(disk_full)");
    expect(stderr).not.toContain("    at ");
  });
  it("progress that cannot be written does no harm", () => {
    const { status, stdout } = shell(`2> ${FULL}`, "run", "example.sum-of-sums", "--field", "n=20", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "success" });
    expect(status).toBe(0);
  });
});
