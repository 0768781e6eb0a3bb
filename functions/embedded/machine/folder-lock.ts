import { mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../../core/errors.ts";
import { identityOf, isAlive, type ProcessIdentity, readIdentity } from "./process-identity.ts";

export interface FolderLock {
  release(): void;
}
const ATTEMPTS = 4;
/** Folders locked by this process: its runtimes share a name, so files cannot tell them apart. */
const held = new Set<string>();

/**
 * One runtime per data folder. Whoever wants the folder first writes a file named after itself, then looks who else has one: of two that come at
 * once at least one sees the other, so never both go on. The file of a dead process is removed by whoever meets it; that is safe at any time, for a
 * name is never used by two processes. Two that only met on the way in step back and try again, at random distances.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = realpathSync(folder);
  if (held.has(path)) throw inUse(path, process.pid);
  held.add(path);
  const me = identityOf(process.pid);
  const mine = join(path, nameOf(me));
  const release = (): void => {
    rmSync(mine, { force: true });
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
/** Appears with its content, so that nobody meets an empty file. */
function announce(path: string, identity: ProcessIdentity): void {
  const draft = `${path}.draft`;
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
