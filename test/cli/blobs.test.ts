import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder, start } from "./cli.ts";

const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");

describe("fanfold blobs", { timeout: 120_000 }, () => {
  it("a file and stdin are put once for equal content, and got back as they were", async () => {
    const folder = newFolder();
    const data = ["--data", join(folder, "data")];
    const file = join(folder, "hello.txt");
    writeFileSync(file, "hello\n");
    const ofFile = await start(["blobs", "put", file, "--type", "text/plain", ...data]).ended;
    expect([ofFile.code, JSON.parse(ofFile.stdout)]).toEqual([
      0,
      { $blob: sha256("hello\n"), bytes: 6, type: "text/plain" },
    ]);
    const ofStdin = await start(["blobs", "put", "-", ...data], "hello\n").ended;
    expect(JSON.parse(ofStdin.stdout)).toMatchObject({ $blob: sha256("hello\n") });
    const got = await start(["blobs", "get", sha256("hello\n"), ...data]).ended;
    expect([got.code, got.stdout]).toEqual([0, "hello\n"]);
    const output = join(folder, "copy.txt");
    expect((await start(["blobs", "get", sha256("hello\n"), "--output", output, ...data]).ended).code).toBe(0);
    expect(readFileSync(output, "utf8")).toBe("hello\n");
  });

  it("what is not there is told with its code, and no file is written", async () => {
    const folder = newFolder();
    const data = ["--data", join(folder, "data")];
    const output = join(folder, "copy.txt");
    const got = await start(["blobs", "get", sha256("nowhere"), "--output", output, ...data]).ended;
    expect([got.code, existsSync(output), existsSync(`${output}.part`)]).toEqual([1, false, false]);
    expect(got.stderr).toContain("there is no blob");
    const put = await start(["blobs", "put", join(folder, "nothing"), ...data]).ended;
    expect(put.code).not.toBe(0);
    expect(put.stderr).toContain("no file that can be read");
  });
});
