import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { identityOf, isAlive, readIdentity } from "../machine/process-identity.ts";

/**
 * A process may open the LMDB file only while no other process commits. While it opens the file, LMDB reads the number
 * of the last transaction and then shares it with all processes, without the writers' lock (mdb_env_open2 in mdb.c). A
 * commit between the two is lost. The next commit gets the same number, so pages get two owners.
 *
 * Therefore a worker asks its parent, and the parent holds the writers' lock until the worker has opened the file. A
 * parent opens it while it is alone. It holds the folder's lock and first ends the workers of an earlier parent.
 *
 * The permit is a file: absent -> written by the parent (the worker may open) -> removed by the worker (it has opened).
 */
const PERMIT_POLL_MS = 2;
/** Time in which a worker must open the file, which takes some milliseconds, before it is killed. */
const LONGEST_OPENING_MS = 5_000;
/** Time in which a killed process has ended, for systems that do not show it. */
const KILLED_MS = 500;
const ORPHAN_POLL_MS = 20;

/** Resolves, in a worker, when it may open the database. */
export async function untilPermitted(permit: string): Promise<void> {
  while (!existsSync(permit)) await pause(PERMIT_POLL_MS);
}
/**
 * Returns when the worker has opened the database or is dead. The parent calls it in a transaction, and it blocks for
 * some milliseconds.
 */
export function permitOpening(permit: string, pid: number, kill: () => void): void {
  const worker = identityOf(pid);
  const deadline = performance.now() + LONGEST_OPENING_MS;
  try {
    writeFileSync(permit, "");
  } catch {
    // The disk takes no file. The next process of this worker asks again, a while later.
    return kill();
  }
  while (existsSync(permit) && isAlive(worker)) {
    if (performance.now() > deadline) {
      kill();
      sleep(KILLED_MS);
      break;
    }
    sleep(1);
  }
  rmSync(permit, { force: true });
}

/** Registers this worker before it asks for a permit, so that the next holder of the folder's lock finds it. */
export function registerWorker(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, `${process.pid}`), JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
}
/**
 * Ends the workers of an earlier parent, whose leases are lost, and resolves when none lives. The holder of the folder's
 * lock calls it.
 */
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
 * Ends the workers of a parent that exits without a stop. Its read transaction, which protects the flushed state
 * (flushed-state.ts), ends with it, so no worker may commit after it. Blocks for some milliseconds.
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
