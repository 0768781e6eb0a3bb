import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "../host/log.ts";
import { FileBlobs } from "./blobs/file-blobs.ts";
import { repairDatabase } from "./lmdb/lmdb-repair.ts";
import { raiseEpoch } from "./machine/boot-epoch.ts";
import { findDiskError, inFolder } from "./machine/disk-error.ts";
import { type FolderLock, lockFolder } from "./machine/folder-lock.ts";
import { foldersOf } from "./settings.ts";
import { endOrphans } from "./workers/open-permit.ts";

/**
 * Makes a data folder if there is none, and locks it for one runtime.
 * @throws FanfoldError `data_folder_in_use`, `data_folder_unusable`, `disk_full`
 */
export function takeFolder(dataFolder: string): Promise<FolderLock> {
  return inFolder(dataFolder, async () => {
    await makeFolder(dataFolder);
    // LMDB ends the process when its lock file finds no room, so nothing is opened before this.
    const problem = await findDiskError(dataFolder);
    if (problem !== undefined) throw problem;
    return lockFolder(foldersOf(dataFolder).lock);
  });
}
/**
 * Ends what an earlier start left running, repairs its database, and returns the number of this start. The holder of the
 * lock calls it.
 * @throws FanfoldError `data_folder_damaged`, `data_folder_unusable`, `disk_full`
 */
export function prepareFolder(dataFolder: string, log: Log): Promise<number> {
  const folders = foldersOf(dataFolder);
  return inFolder(dataFolder, async () => {
    await endOrphans(folders.workers);
    await repairDatabase(folders.database, log);
    await new FileBlobs(folders.blobs).removeDrafts();
    return raiseEpoch(folders.epoch);
  });
}

async function makeFolder(path: string): Promise<void> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    // Of a read-only disk it says that the folder is missing. The folder above knows the reason.
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw (isMissing ? await findDiskError(existingPart(path)) : undefined) ?? error;
  }
}
function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path));
}
