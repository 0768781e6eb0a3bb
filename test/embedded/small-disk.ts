import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { atEnd, newFolder } from "./harness.ts";

/** A file system of its own, in memory, which a test can fill. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves so many bytes free. */
  fill(left?: number): void;
  /** Takes back what `fill` took. */
  makeRoom(): void;
  setReadOnly(readOnly: boolean): void;
}
/** Mounts a new file system on a folder, which is a new one by default. */
export function mountSmallDisk(megabytes: number, folder = newFolder()): SmallDisk {
  mount(`size=${megabytes}m`, folder);
  atEnd(async () => void execFileSync("umount", ["--lazy", folder]));
  const filler = join(folder, "filler");
  return {
    folder,
    fill: (left = 0) => {
      const file = openSync(filler, "w");
      try {
        for (const bytes of [1_048_576, 4_096]) writeUntilFull(file, Buffer.alloc(bytes));
        ftruncateSync(file, fstatSync(file).size - left);
      } finally {
        closeSync(file);
      }
    },
    makeRoom: () => rmSync(filler),
    setReadOnly: (readOnly) => mount(`remount,${readOnly ? "ro" : "rw"}`, folder),
  };
}
function writeUntilFull(file: number, bytes: Buffer): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
function mount(options: string, folder: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "pipe" });
}

/** Whether this user may mount file systems. Continuous integration may. */
export const MAY_MOUNT = mayMount();
function mayMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = `/tmp/fanfold-mount-${process.pid}`;
  try {
    execFileSync("mkdir", ["-p", folder]);
    mount("size=1m", folder);
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
