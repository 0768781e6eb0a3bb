import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { syncFolderSync } from "./sync-folder.ts";

/**
 * Counts a start of a runtime on a data folder and returns the number of starts. Every lease carries the number, so a
 * new start knows at once that the holders of older leases have ended.
 *
 * The number is on the disk before it is used. If a power cut brought an old number back, dead leases would seem alive.
 * Only the holder of the folder's lock calls this.
 */
export function raiseEpoch(path: string): number {
  const epoch = readEpoch(path) + 1;
  const draft = `${path}.draft`;
  const file = openSync(draft, "w", 0o600);
  try {
    writeSync(file, `${epoch}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  syncFolderSync(dirname(path));
  return epoch;
}
/** Returns the time in seconds for a file that was damaged from outside, since it exceeds any count of starts. */
function readEpoch(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
  const epoch = Number(text);
  return text.trim() !== "" && Number.isSafeInteger(epoch) && epoch >= 0 ? epoch : Math.floor(Date.now() / 1_000);
}
