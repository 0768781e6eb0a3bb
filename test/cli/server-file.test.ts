import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isRunning, readServerFile, removeServerFile, writeServerFile } from "../../cli/server-file.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fanfold-server-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("server.json", () => {
  it("server.json is readable by its owner only, even when it replaces an open file", () => {
    writeFileSync(join(folder, "server.json"), "{}", { mode: 0o644 });
    writeServerFile(folder, { url: "http://127.0.0.1:1", token: "t", pid: process.pid });
    expect(statSync(join(folder, "server.json")).mode & 0o777).toBe(0o600);
    expect(readServerFile(folder)).toEqual({ url: "http://127.0.0.1:1", token: "t", pid: process.pid });
  });

  it("server.json is removed by the server that wrote it, not by an earlier one", () => {
    writeServerFile(folder, { url: "http://127.0.0.1:1", pid: process.pid + 1 });
    removeServerFile(folder);
    expect(readServerFile(folder)).toBeDefined();
    writeServerFile(folder, { url: "http://127.0.0.1:1", pid: process.pid });
    removeServerFile(folder);
    expect(readServerFile(folder)).toBeUndefined();
  });

  it.each(["", "{", "null", "[]", '{"url":1,"pid":"x"}'])("a server.json with the text %j names no server", (text) => {
    writeFileSync(join(folder, "server.json"), text);
    expect(readServerFile(folder)).toBeUndefined();
  });

  it("isRunning says whether the process in server.json still exists", () =>
    expect([isRunning(process.pid), isRunning(2 ** 22 + 1)]).toEqual([true, false]));
});
