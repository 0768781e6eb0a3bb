import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diskErrorOf, findDiskError, inFolder } from "../../../functions/embedded/machine/disk-error.ts";
import { newFolder } from "../harness.ts";

const failed = (code: unknown): Error => Object.assign(new Error("a call failed"), { code });

describe("an error of the disk", () => {
  it.each([
    ["ENOSPC", "disk_full"],
    ["EDQUOT", "disk_full"],
    ["EFBIG", "disk_full"],
    ["EROFS", "data_folder_unusable"],
    ["EACCES", "data_folder_unusable"],
    ["ENOTDIR", "data_folder_unusable"],
    ["EIO", "data_folder_unusable"],
  ] as const)("%s is %s, names the folder and says what to do", (reason, code) => {
    const number = constants.errno[reason];
    const unnamed = Object.assign(failed(`Unknown system error ${-number}`), { errno: -number });
    for (const given of [failed(reason), failed(number), unnamed]) {
      const error = diskErrorOf(given, "/data");
      expect(error).toMatchObject({ code, retryable: true, details: { folder: "/data", reason } });
      expect(error?.message).toMatch(/\/data.*: .+/);
    }
  });
  it("LMDB's code for its largest size is disk_full", () => {
    expect(diskErrorOf(failed(-30_792), "/data")).toMatchObject({ code: "disk_full" });
  });
  it("another error is none of the disk, and comes out as it is", async () => {
    const bug = new TypeError("a bug");
    expect(diskErrorOf(bug, "/data")).toBeUndefined();
    expect(diskErrorOf(undefined, "/data")).toBeUndefined();
    await expect(
      inFolder("/data", () => {
        throw bug;
      }),
    ).rejects.toBe(bug);
  });
  it("a folder that can be written has none, a removed one has", async () => {
    const folder = newFolder();
    expect(await findDiskError(folder)).toBeUndefined();
    expect(await findDiskError(join(folder, "removed"))).toMatchObject({ code: "data_folder_unusable" });
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "file"), "");
    expect(await findDiskError(join(folder, "sub", "file", "x"))).toMatchObject({ details: { reason: "ENOTDIR" } });
  });
});
