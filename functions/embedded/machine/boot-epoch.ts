import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { syncFolderSync } from "./sync-folder.ts";

/**
 * Counts the starts of runtimes on a data folder; every lease carries the number, so a new start knows at once that the holders of older leases are
 * gone. On disk before it is used: a number that came back after a power cut would make dead leases look alive. Only the holder of the folder's lock
 * calls this.
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
/** A file that cannot be read as a number was damaged from outside. The time in seconds is beyond any count of starts. */
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
