import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isRunning, readServerFile, removeServerFile, writeServerFile } from "../../cli/server-file.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fanfold-server-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("server.json", () => {
  it("is readable by its owner only, also when an open one stood there", () => {
    writeFileSync(join(folder, "server.json"), "{}", { mode: 0o644 });
    writeServerFile(folder, { url: "http://127.0.0.1:1", token: "t", pid: process.pid });
    expect(statSync(join(folder, "server.json")).mode & 0o777).toBe(0o600);
    expect(readServerFile(folder)).toEqual({ url: "http://127.0.0.1:1", token: "t", pid: process.pid });
  });

  it("is removed by who wrote it, not by an earlier server", () => {
    writeServerFile(folder, { url: "http://127.0.0.1:1", pid: process.pid + 1 });
    removeServerFile(folder);
    expect(readServerFile(folder)).toBeDefined();
    writeServerFile(folder, { url: "http://127.0.0.1:1", pid: process.pid });
    removeServerFile(folder);
    expect(readServerFile(folder)).toBeUndefined();
  });

  it.each(["", "{", "null", "[]", '{"url":1,"pid":"x"}'])("that says %j is no server", (text) => {
    writeFileSync(join(folder, "server.json"), text);
    expect(readServerFile(folder)).toBeUndefined();
  });

  it("names a process that may be gone", () => expect([isRunning(process.pid), isRunning(2 ** 22 + 1)]).toEqual([true, false]));
});
