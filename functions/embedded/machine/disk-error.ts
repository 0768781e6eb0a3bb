import { constants, statfsSync } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { constants as osConstants } from "node:os";
import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** Bytes that must be free, so that the largest value of a run can be kept. */
export const LEAST_FREE_BYTES = LIMITS.valueBytes;
const MEGABYTE = 1_024 * 1_024;
/** LMDB's own code for a database that has reached its largest size. */
const MAP_FULL = -30_792;

/** What used a disk up, by the system's code, and what to do about it. */
const FULL: Readonly<Record<string, (folder: string) => string>> = {
  ENOSPC: (folder) => `the disk of ${folder} is full: free some room`,
  EDQUOT: (folder) => `the quota of the disk of ${folder} is used up: free some room, or raise it`,
  EFBIG: (folder) => `a file in ${folder} has reached the largest size that is allowed here: raise that limit`,
  MDB_MAP_FULL: (folder) => `the database in ${folder} has reached its largest size: wait until old jobs expire`,
};
/** Why a folder cannot be used at all, by the system's code, and what to do about it. */
const UNUSABLE: Readonly<Record<string, (folder: string) => string>> = {
  EROFS: (folder) => `${folder} is on a read-only disk: mount it for writing`,
  EACCES: (folder) => `this user may not write in ${folder}: change its owner or mode`,
  EPERM: (folder) => `this user may not write in ${folder}: change its owner or mode`,
  EEXIST: (folder) => `${folder} is a file and no folder: move it away`,
  ENOTDIR: (folder) => `${folder} is a file and no folder, or is inside of one: move that away`,
  ENOENT: (folder) => `${folder} has been removed: start again`,
  EIO: (folder) => `the disk of ${folder} fails: see to the disk and start again`,
  ENAMETOOLONG: (folder) => `the path ${folder} is too long`,
  ELOOP: (folder) => `${folder} is a link that leads to itself`,
};

/**
 * Returns what a failed call in the data folder means for people. Returns undefined for an error that does not come from
 * the disk. `disk_full` ends when there is room; `data_folder_unusable` ends when somebody has done what it says.
 */
export function diskErrorOf(error: unknown, folder: string): FanfoldError | undefined {
  const reason = reasonOf(error, folder);
  if (reason === undefined) return undefined;
  const full = FULL[reason]?.(folder);
  if (full !== undefined) return diskError("disk_full", full, folder, reason, error);
  const unusable = UNUSABLE[reason]?.(folder);
  if (unusable === undefined) return undefined;
  const message = `${unusable}, or name another folder with --data`;
  return diskError("data_folder_unusable", message, folder, reason, error);
}
function diskError(
  code: "disk_full" | "data_folder_unusable",
  message: string,
  folder: string,
  reason: string,
  cause?: unknown,
): FanfoldError {
  return new FanfoldError(code, `${message} (${reason})`, { details: { folder, reason }, retryable: true, cause });
}
/** Returns whether a call failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
const NAMES = new Map(Object.entries(osConstants.errno).map(([name, number]) => [number, name]));
/** Returns the name of the system's error. LMDB gives numbers, and so does Node for a name that it does not know. */
function reasonOf(error: unknown, folder: string): string | undefined {
  const { code, errno } = (error ?? {}) as { readonly code?: unknown; readonly errno?: unknown };
  if (code === MAP_FULL) return "MDB_MAP_FULL";
  const number = typeof code === "number" ? code : typeof errno === "number" ? -errno : undefined;
  const name = (number === undefined ? undefined : NAMES.get(number)) ?? code;
  // LMDB calls it EIO, too, when the last bytes of a write found no room.
  if (name === "EIO" && freeBytes(folder) < LEAST_FREE_BYTES) return "ENOSPC";
  return typeof name === "string" ? name : undefined;
}
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Runs work in the data folder. Errors of the disk come out as a FanfoldError. */
export async function inFolder<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskErrorOf(error, folder) ?? error;
  }
}

/** Returns why nothing can be kept in a folder, without writing to it. Returns undefined when something can. */
export async function findDiskError(folder: string): Promise<FanfoldError | undefined> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize, files, ffree } = await statfs(folder);
    if (bavail * bsize < LEAST_FREE_BYTES) {
      const left = `${Math.floor((bavail * bsize) / MEGABYTE)} MB of the ${LEAST_FREE_BYTES / MEGABYTE} MB`;
      const message = `the disk of ${folder} is full: ${left} that a value may need are left; free some room`;
      return diskError("disk_full", message, folder, "ENOSPC");
    }
    // Some file systems make files as they need them, and say 0 of 0.
    if (files > 0 && ffree === 0) {
      const message = `the disk of ${folder} can hold no more files: remove some`;
      return diskError("disk_full", message, folder, "ENOSPC");
    }
    return undefined;
  } catch (error) {
    return diskErrorOf(error, folder);
  }
}
