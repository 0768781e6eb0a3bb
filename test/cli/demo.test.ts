import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { demoData, realFolder } from "../../cli/demo-folder.ts";
import { demoLines, demoReport, type DemoReport } from "../../cli/demo-report.ts";
import { plain } from "../../cli/terminal.ts";
import type { Job, Json } from "../../functions/client/index.ts";

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "fanfold-demo-")));
  mkdirSync(join(base, "walked/sub"), { recursive: true });
  vi.stubEnv("XDG_STATE_HOME", join(base, "state"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true, force: true });
});

describe("the demo's folders", () => {
  it("the demo keeps the state of a folder in one place, whatever path leads to it", () => {
    symlinkSync(join(base, "walked"), join(base, "link"));
    const data = demoData(realFolder(join(base, "walked/")), undefined);
    expect(data).toMatch(new RegExp(`^${base}/state/fanfold/demo-[0-9a-f]{16}$`));
    expect(demoData(realFolder(join(base, "link")), undefined)).toBe(data);
    expect(demoData(realFolder(join(base, "walked/sub")), undefined)).not.toBe(data);
  });

  it("the demo keeps its state elsewhere when the usual place would be walked", () => {
    vi.stubEnv("XDG_STATE_HOME", join(base, "walked/state"));
    expect(demoData(join(base, "walked"), undefined).startsWith(join(base, "walked"))).toBe(false);
  });

  it.each(["walked", "walked/data", "walked/sub/not/there/yet", "link/data"])(
    "the demo refuses --data inside of the folder: %s",
    (data) => {
      symlinkSync(join(base, "walked"), join(base, "link"));
      expect(() => demoData(join(base, "walked"), join(base, data))).toThrow(
        expect.objectContaining({ code: "invalid_request" }) as Error,
      );
    },
  );

  it("the demo accepts --data beside the folder whose name begins the same", () => {
    expect(demoData(join(base, "walked"), join(base, "walked-data"))).toBe(join(base, "walked-data"));
    expect(demoData(join(base, "walked"), join(base, "..walked"))).toBe(join(base, "..walked"));
  });

  it("the demo refuses what is not a folder", () => {
    writeFileSync(join(base, "file"), "");
    for (const dir of ["file", "nowhere"])
      expect(() => realFolder(join(base, dir))).toThrow(expect.objectContaining({ code: "invalid_request" }) as Error);
  });
});

describe("the demo's report", () => {
  const value = {
    folder: "/w",
    files: 3,
    directories: 2,
    bytes: 3_000_000,
    links: 1,
    special: 0,
    failures: [{ path: "secret", reason: "EACCES" }],
    failuresTotal: 1,
    duplicates: [{ sha256: "ab", bytes: 1_000_000, paths: [`${"d/".repeat(100)}a.txt`, "b.txt"] }],
    duplicatesTotal: { groups: 1, files: 2, wastedBytes: 1_000_000 },
    byExtension: { ".txt": { files: 2, bytes: 2_000_000 }, "": { files: 1, bytes: 1_000_000 } },
    extensionsTotal: 2,
    largest: [{ path: "evil\u001b[2J.txt", bytes: 1_000_000 }],
  };
  const job: Job = {
    jobId: "01J",
    state: "success",
    round: 0,
    createdAt: 1_000,
    endedAt: 3_500,
    deadlineAt: 9_999,
    counts: { success: 7 },
    countsExact: true,
    planned: 7,
    value: value as Json,
  };

  const many = { ...job, value: { ...value, ...manyOfEach(100) } as unknown as Json };

  it("the demo's report is the job's value between facts about the job", () => {
    const report = demoReport(job) as DemoReport;
    expect(report).toEqual({ ...value, job: "01J", state: "success", runs: 7, seconds: 2.5 });
    expect(Object.keys(report).slice(0, 2)).toEqual(["job", "state"]);
  });

  it("the demo has no report when the job has no value", () => {
    const { value: _value, ...without } = job;
    expect(demoReport({ ...without, state: "failure" })).toBeUndefined();
  });

  it("the demo's report fits into the terminal and has no control characters", () => {
    const lines = demoLines(demoReport(job) as DemoReport, { paint: plain, columns: 80, rows: undefined });
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join("\n")).not.toContain("\u001b");
    expect(lines.slice(0, 2)).toEqual([
      "3 files in 2 directories, 2.9 MB, 1 link not followed",
      "7 runs in 2.5 s, 1 files/s, 1.1 MB/s",
    ]);
    expect(demoLines(demoReport(many) as DemoReport, { paint: plain, columns: 80, rows: 40 }).length).toBeLessThan(40);
    expect(lines).toContain("  EACCES        secret");
    expect(lines).toContain("  1 content is stored more than once: 977 KB too many");
    expect(lines).toContain("  (none)         1  977 KB");
  });
});

function manyOfEach(count: number) {
  const each = Array.from({ length: count }, (_, index) => index);
  return {
    largest: each.map((index) => ({ path: `big${index}`, bytes: 1 })),
    duplicates: each.map((index) => ({ sha256: `${index}`, bytes: 1, paths: ["a", "b"] })),
    duplicatesTotal: { groups: count, files: 2 * count, wastedBytes: count },
    byExtension: Object.fromEntries(each.map((index) => [`.${index}x`, { files: 1, bytes: 1 }])),
    extensionsTotal: count,
  };
}
