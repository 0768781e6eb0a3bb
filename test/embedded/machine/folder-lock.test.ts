import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lockFolder } from "../../../functions/embedded/machine/folder-lock.ts";
import { identityOf, isAlive } from "../../../functions/embedded/machine/process-identity.ts";

const root = mkdtempSync(join(tmpdir(), "fanfold-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newLock = (): string => join(mkdtempSync(join(root, "data-")), "lock");

describe("the lock of a data folder", () => {
  it("a lock is held once and can be taken again after its release", async () => {
    const folder = newLock();
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toMatchObject({
      code: "data_folder_in_use",
      details: { pid: process.pid },
    });
    lock.release();
    (await lockFolder(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("the lock of a living process is respected, and that of a dead one is taken over", async () => {
    const folder = newLock();
    (await lockFolder(folder)).release();
    const other = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"]);
    const ended = new Promise((resolve) => other.once("exit", resolve));
    writeFileSync(join(folder, "other"), JSON.stringify(identityOf(other.pid as number)));
    await expect(lockFolder(folder)).rejects.toMatchObject({ details: { pid: other.pid } });
    other.kill("SIGKILL");
    await ended;
    (await lockFolder(folder)).release();
  });

  it("the lock of a process whose pid was reused is taken over", async () => {
    const folder = newLock();
    (await lockFolder(folder)).release();
    const before = { ...identityOf(process.ppid), started: "1" };
    writeFileSync(join(folder, "other"), JSON.stringify(before));
    (await lockFolder(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("a lock file that cannot be read counts as left over", async () => {
    const folder = newLock();
    (await lockFolder(folder)).release();
    writeFileSync(join(folder, "other"), "{");
    (await lockFolder(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("the identity of a process", () => {
  it("an identity tells a living process from one before a reboot", () => {
    const { started: _notOnLinux, ...elsewhere } = identityOf(process.pid);
    expect(isAlive(identityOf(process.pid))).toBe(true);
    expect(isAlive(elsewhere)).toBe(true);
    expect(isAlive({ ...elsewhere, bootedAt: elsewhere.bootedAt - 3_600_000 })).toBe(false);
  });
});
