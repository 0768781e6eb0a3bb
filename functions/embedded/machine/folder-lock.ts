import { mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../../core/errors.ts";
import { identityOf, isAlive, type ProcessIdentity, readIdentity } from "./process-identity.ts";

export interface FolderLock {
  release(): void;
}
const ATTEMPTS = 4;
/** Folders that this process has locked. Its runtimes share one name, so the files cannot tell them apart. */
const held = new Set<string>();

/**
 * Locks a data folder, so that it has one runtime at a time. A process first writes a file named after itself, then
 * reads which others there are. Of two processes that do so at once at least one sees the other, so never both proceed.
 * Both may withdraw, and then they retry after random pauses.
 *
 * Any process may remove the file of a dead one. That is always safe, because no two processes share a name.
 * @throws FanfoldError `data_folder_in_use`
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = realpathSync(folder);
  if (held.has(path)) throw inUse(path, process.pid);
  held.add(path);
  const me = identityOf(process.pid);
  const mine = join(path, nameOf(me));
  const release = (): void => {
    for (const file of [mine, draftOf(mine)]) rmSync(file, { force: true });
    held.delete(path);
  };
  try {
    for (let attempt = 1; ; attempt++) {
      announce(mine, me);
      const other = liveOther(path, nameOf(me));
      if (!other) return { release };
      if (attempt === ATTEMPTS) throw inUse(path, other.pid);
      rmSync(mine, { force: true });
      await pause(20 + Math.random() * 80);
    }
  } catch (error) {
    release();
    throw error;
  }
}

const nameOf = (identity: ProcessIdentity): string => `${identity.pid}-${identity.started ?? identity.bootedAt}`;
const draftOf = (path: string): string => `${path}.draft`;
/** Renames a complete draft, so that no process reads an incomplete file. */
function announce(path: string, identity: ProcessIdentity): void {
  const draft = draftOf(path);
  writeFileSync(draft, JSON.stringify(identity), { mode: 0o600 });
  renameSync(draft, path);
}
function liveOther(folder: string, mine: string): ProcessIdentity | undefined {
  for (const name of readdirSync(folder)) {
    if (name === mine || name.endsWith(".draft")) continue;
    const path = join(folder, name);
    const identity = readIdentity(path);
    if (identity && isAlive(identity)) return identity;
    rmSync(path, { force: true });
  }
  return undefined;
}
function inUse(path: string, pid: number): FanfoldError {
  const folder = dirname(path);
  const message = `the data folder ${folder} is in use by process ${pid}; stop that process, or choose another folder`;
  return new FanfoldError("data_folder_in_use", message, { details: { pid, folder } });
}
