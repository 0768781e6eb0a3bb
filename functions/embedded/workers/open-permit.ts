import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { identityOf, isAlive, readIdentity } from "../machine/process-identity.ts";

/**
 * A process may open the LMDB file only while no other commits. Opening, LMDB reads the number of the last transaction and a moment later shares it with
 * all processes, without the writers' lock (mdb_env_open2 in mdb.c). A commit in that moment is lost: the next one gets its number, and pages get two owners.
 *
 * So a worker asks its parent, and the parent holds the writers' lock until the worker has opened. The door is a file: there, the worker may open; gone, it has.
 * A parent itself opens when it is alone: it holds the folder's lock, and first ends the workers that an earlier parent left behind.
 */
const DOOR_POLL_MS = 2;
/** Opening takes some milliseconds; a worker that does not get on in this time is killed. */
const LONGEST_OPENING_MS = 5_000;
/** For a killed process to be gone where that cannot be seen. */
const KILLED_MS = 500;
const ORPHAN_POLL_MS = 20;

/** In a worker: returns when it may open. */
export async function untilPermitted(door: string): Promise<void> {
  while (!existsSync(door)) await pause(DOOR_POLL_MS);
}
/** In the parent, inside a transaction: returns when the worker has opened, or is dead. Blocks for some milliseconds. */
export function permitOpening(door: string, pid: number, kill: () => void): void {
  const worker = identityOf(pid);
  const deadline = performance.now() + LONGEST_OPENING_MS;
  writeFileSync(door, "");
  while (existsSync(door) && isAlive(worker)) {
    if (performance.now() > deadline) {
      kill();
      sleep(KILLED_MS);
      break;
    }
    sleep(1);
  }
  rmSync(door, { force: true });
}

/** In a worker, before it asks: whoever holds the folder's lock next will find it. */
export function registerWorker(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, `${process.pid}`), JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
}
/** By the holder of the folder's lock: returns when no worker of an earlier parent lives. They are of no use to anybody: their leases are over. */
export async function endOrphans(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const orphan = readIdentity(path);
    while (orphan !== undefined && isAlive(orphan)) {
      endProcess(orphan.pid);
      await pause(ORPHAN_POLL_MS);
    }
    rmSync(path, { force: true });
  }
}
/**
 * In a parent that exits without having stopped: the read transaction that protects the flushed state ends with it (flushed-state.ts), so first its workers do.
 * Blocks for some milliseconds.
 */
export function endNow(pids: readonly number[]): void {
  const workers = pids.map(identityOf);
  for (const pid of pids) endProcess(pid);
  const deadline = performance.now() + KILLED_MS;
  while (workers.some(isAlive) && performance.now() < deadline) sleep(1);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
