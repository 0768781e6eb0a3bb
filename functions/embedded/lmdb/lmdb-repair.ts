import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../../core/errors.ts";
import type { Log } from "../../host/log.ts";
import { syncFolderSync } from "../machine/sync-folder.ts";
import { recoverFlushedState } from "./flushed-state.ts";
import { DATABASE_FILE, LmdbEnvironment, type TextDatabase } from "./lmdb-environment.ts";
import { checkPages, type PageReport } from "./lmdb-pages.ts";

/** Number of checks of a file. Workers of a killed runtime may disturb a check by commits, until they end. */
const ATTEMPTS = 50;
const PAUSE_MS = 100;
/** Entries copied in one transaction. */
const BATCH = 1_000;
/** Sorts before every key. */
const FIRST_KEY = " ";

/**
 * Repairs a database. The holder of the folder's lock calls it before it opens the database. After a power cut the
 * database goes back to its last flushed state. A file with a damaged list of free pages is replaced by one with the
 * same entries and a new list. Damaged entries cannot be repaired.
 * @throws FanfoldError `data_folder_damaged`
 */
export async function repairDatabase(folder: string, log: Log): Promise<void> {
  const file = join(folder, DATABASE_FILE);
  if (recoverFlushedState(file))
    log("info", "the machine was started anew since the database was last open; it is in its last flushed state");
  if (!existsSync(file)) return;
  const { trees, free } = await checkUndisturbed(file);
  if (trees.length > 0) {
    const message = `the database in ${folder} is damaged: ${trees[0]}; move the data folder away, or put a backup in its place`;
    throw new FanfoldError("data_folder_damaged", message, { details: { folder, problems: [...trees, ...free] } });
  }
  if (free.length === 0) return;
  const entries = await rebuild(folder);
  log("warn", "the database's list of free pages was damaged; the file was rebuilt from its entries, nothing is lost", {
    entries,
    problems: free,
  });
}

async function checkUndisturbed(file: string): Promise<PageReport> {
  for (let attempt = 1; ; attempt++) {
    const report = checkPages(file);
    const sound = report.trees.length === 0 && report.free.length === 0;
    if (sound || !report.disturbed || attempt === ATTEMPTS) return report;
    await pause(PAUSE_MS);
  }
}

/** Rebuilds the file and returns the number of entries. A kill at any moment leaves the old file or the new one. */
async function rebuild(folder: string): Promise<number> {
  const draft = join(folder, "rebuilt");
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  const from = new LmdbEnvironment({ folder });
  const to = new LmdbEnvironment({ folder: draft, durability: "power" });
  let entries = 0;
  for (const [index, database] of from.databases.entries())
    entries += await copy(database, to, to.databases[index] as TextDatabase);
  await to.close();
  await from.close();
  renameSync(join(draft, DATABASE_FILE), join(folder, DATABASE_FILE));
  // The lock file holds what the processes of the old file shared.
  rmSync(join(folder, `${DATABASE_FILE}-lock`), { force: true });
  syncFolderSync(folder);
  rmSync(draft, { recursive: true, force: true });
  return entries;
}
async function copy(from: TextDatabase, { gatherer }: LmdbEnvironment, to: TextDatabase): Promise<number> {
  let copied = 0;
  for (let start = FIRST_KEY, more = true; more;) {
    const batch = [...from.getRange({ start, exclusiveStart: copied > 0, limit: BATCH })];
    await gatherer.run(() => {
      for (const { key, value } of batch) to.putSync(key, value);
    });
    copied += batch.length;
    start = batch.at(-1)?.key ?? start;
    more = batch.length === BATCH;
  }
  const { entryCount } = from.getStats() as { readonly entryCount: number };
  if (copied !== entryCount)
    throw new FanfoldError("internal", `${copied} of ${entryCount} entries could be copied; the database is as it was`);
  return copied;
}
