import { readdirSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { DiskWatch } from "../../functions/embedded/disk-watch.ts";
import { diskErrorOf } from "../../functions/embedded/machine/disk-error.ts";
import type { FanfoldError } from "../../functions/core/errors.ts";
import { newFolder } from "./harness.ts";

afterEach(() => void vi.useRealTimers());
function watched() {
  vi.useFakeTimers({ toFake: ["performance"] });
  const folder = newFolder();
  const changes: (FanfoldError | undefined)[] = [];
  const log: string[] = [];
  const disk = new DiskWatch({
    folders: [folder],
    log: (level, message) => log.push(`${level} ${message}`),
    onChange: (problem) => changes.push(problem),
  });
  const full = diskErrorOf({ code: "EDQUOT" }, folder) as FanfoldError;
  return { disk, folder, changes, log, full };
}

describe("the watch over the disk", () => {
  it("a failed write makes the disk unwritable, which is said once", () => {
    const { disk, changes, log, full } = watched();
    for (let times = 0; times < 3; times++) disk.note(full);
    expect([disk.problem, changes]).toEqual([full, [full]]);
    expect(log).toEqual([expect.stringMatching(/^error no task starts.*quota.*EDQUOT/)]);
  });
  it("a disk is tried only after no write has failed for a while, so held outcomes come first", async () => {
    const { disk, folder, changes, log, full } = watched();
    disk.note(full);
    vi.advanceTimersByTime(2_900);
    disk.note(full);
    vi.advanceTimersByTime(2_900);
    expect(await disk.look()).toBe(full);
    vi.advanceTimersByTime(200);
    expect(await disk.look()).toBeUndefined();
    expect(changes).toEqual([full, undefined]);
    expect(log.at(-1)).toMatch(/^warn /);
    expect(readdirSync(folder)).toEqual([]);
  });
  it("a disk that has lost what was committed is not tried again", async () => {
    const { disk, full } = watched();
    disk.note(full, true);
    vi.advanceTimersByTime(60_000);
    expect(await disk.look()).toBe(full);
  });
});
