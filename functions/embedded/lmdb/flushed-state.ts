import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  write,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { FanfoldError } from "../../core/errors.ts";
import { PortError } from "../../engine/ports.ts";
import { diskErrorOf } from "../machine/disk-error.ts";
import { bootId } from "../machine/process-identity.ts";
import { syncFolderSync } from "../machine/sync-folder.ts";
import { decodeMeta, type Meta, readAt, readMeta, writeMeta } from "./lmdb-meta.ts";

/**
 * Commits do not wait for the disk. A power cut leads back to the flushed state, which is one state of the database and
 * at most about 100 ms old. A file beside the database, the saved file, holds that state's meta page and the machine's
 * boot id. docs/adr/0011 says why no power cut can do harm.
 *
 *     clean     There is no saved file. The whole database is on the disk, and its newest meta page counts.
 *     running   The saved state T is whole on the disk, and none of its pages changes. Later commits are in the system's
 *               memory, and perhaps on the disk.
 *
 *     clean -> running     A parent that opens the database begins a read transaction on T, the present state. It flushes
 *                          the database and saves T. Only then it commits.
 *     T -> later T'        Between two commits the parent begins a read transaction on T'. The database is flushed, T' is
 *                          saved and flushed, and the read transaction on T ends.
 *     running -> clean     A parent that stops flushes the database and removes the saved file. So does a parent that
 *                          starts after a kill, but after another boot it first makes T the database's only state.
 *
 * LMDB never writes to a page of a state that a read transaction holds, whichever process commits. The parent holds it
 * for all processes. When the parent is killed, its read transaction stays in the shared table of readers until a
 * process opens the database. Workers may commit for moments after that. So they check in each transaction whether
 * their parent lives, and a parent that exits without a stop ends them first.
 */
export interface FlushedOptions {
  /** Path of the database's file, which is open. */
  readonly database: string;
  /** Id of the machine's present boot. */
  readonly boot: string;
  /** Runs the action while no process commits. */
  readonly holdCommits: <T>(action: () => T) => T;
  /** Begins a read transaction on the present state and returns a function that ends it. */
  readonly beginRead: () => () => void;
  /** Called once, when the disk has lost what was committed. */
  readonly onFailure?: (failure: FanfoldError) => void;
}
interface Saved {
  readonly sequence: number;
  readonly boot: string;
  readonly meta: Meta;
}

/**
 * Interval at which the parent checks for commits of any process. A check reads a few bytes of the file. A message for
 * each commit would cost more under load.
 */
const CHECK_MS = 50;
/**
 * Duration of a flush after which commits wait for it. Pages that commits free during a flush may not be used again
 * yet, so the file grows. If commits were faster than the disk, each flush would take longer than the one before.
 */
const SLOW_MS = 250;
/**
 * Number of slots in the saved file. They are written alternately, so a write that a power cut tears leaves the other.
 */
const SLOTS = 2;
export const SLOT_BYTES = 4_096;
/** Largest size of a new database, which has two pages of at most 64 KiB. */
const LARGEST_NEW_BYTES = 2 * 65_536;
const FLUSH_FAILED =
  "the disk failed to take what was committed, so nothing more is committed; see to the disk and start again";
const flushFile = promisify(fdatasync);
const writeFile = promisify(write);

export const savedFileOf = (database: string): string => `${database}-flushed`;

/** Keeps a database's flushed state close to its present one. Only the process that opened it as a parent has one. */
export class FlushedState {
  readonly #options: FlushedOptions;
  readonly #database: number;
  readonly #slots: number;
  readonly #checking: NodeJS.Timeout;
  #sequence: number;
  #saved: bigint;
  #endRead: () => void;
  #flushing: Promise<void> | undefined;
  #flushingSince = 0;
  #failure: FanfoldError | undefined;

  /** Saves the present state. No process may have committed since the database was clean. */
  constructor(options: FlushedOptions) {
    this.#options = options;
    const slots = savedFileOf(options.database);
    this.#database = openSync(options.database, "r+");
    this.#slots = openSync(slots, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (fstatSync(this.#slots).size < SLOTS * SLOT_BYTES)
      writeSync(this.#slots, Buffer.alloc(SLOTS * SLOT_BYTES), 0, SLOTS * SLOT_BYTES, 0);
    this.#sequence = (newestSlot(this.#slots)?.sequence ?? 0) + 1;
    const { meta, endRead } = this.#hold();
    fdatasyncSync(this.#database);
    writeSync(
      this.#slots,
      encodeSlot({ sequence: this.#sequence, boot: options.boot, meta }),
      0,
      SLOT_BYTES,
      slotOf(this.#sequence),
    );
    fdatasyncSync(this.#slots);
    const folder = dirname(slots);
    for (const path of [folder, dirname(folder)]) syncFolderSync(path);
    this.#saved = meta.transaction;
    this.#endRead = endRead;
    this.#checking = setInterval(() => this.#check(), CHECK_MS).unref();
  }

  /**
   * Throws after a flush has failed, since a later flush would not tell which pages the disk has lost.
   * @throws PortError `outage`
   */
  ensureSound(): void {
    if (this.#failure !== undefined) throw new PortError("outage", FLUSH_FAILED, { cause: this.#failure });
  }

  /** Leaves the folder clean. No process may commit any more. */
  async close(): Promise<void> {
    clearInterval(this.#checking);
    await this.#flushing;
    try {
      this.ensureSound();
      await flushFile(this.#database);
      removeSaved(this.#options.database);
    } finally {
      this.#endRead();
      closeSync(this.#database);
      closeSync(this.#slots);
    }
  }

  #check(): void {
    if (this.#flushing !== undefined) {
      if (performance.now() - this.#flushingSince > SLOW_MS) this.#catchUp();
      return;
    }
    if (this.#failure !== undefined || readMeta(this.#database)?.transaction === this.#saved) return;
    this.#flushingSince = performance.now();
    this.#flushing = this.#flush()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#flushing = undefined;
      });
  }
  /** Blocks the commits of all processes, and this thread, until the disk has caught up. */
  #catchUp(): void {
    try {
      this.#options.holdCommits(() => fdatasyncSync(this.#database));
    } catch (error) {
      this.#fail(error);
    }
  }
  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const folder = dirname(this.#options.database);
    this.#failure = new FanfoldError("data_folder_unusable", FLUSH_FAILED, { details: { folder }, cause: error });
    this.#options.onFailure?.(this.#failure);
  }
  /** Follows the order of T -> T' above, without which a power cut could do harm. */
  async #flush(): Promise<void> {
    const { meta, endRead } = this.#hold();
    await flushFile(this.#database);
    // The system reports lost pages only once, which may have been to the flush of #catchUp.
    this.ensureSound();
    const sequence = this.#sequence + 1;
    const slot = encodeSlot({ sequence, boot: this.#options.boot, meta });
    try {
      await writeFile(this.#slots, slot, 0, SLOT_BYTES, slotOf(sequence));
    } catch (error) {
      // A disk that copies on write may have no room even for this. The state before stays the saved one.
      endRead();
      if (diskErrorOf(error, this.#options.database)?.code === "disk_full") return;
      throw error;
    }
    await flushFile(this.#slots);
    this.#endRead();
    this.#sequence = sequence;
    this.#saved = meta.transaction;
    this.#endRead = endRead;
  }
  /** Returns the present state and begins a read transaction on it. */
  #hold(): { readonly meta: Meta; readonly endRead: () => void } {
    return this.#options.holdCommits(() => {
      const meta = readMeta(this.#database);
      if (meta === undefined) throw new Error(`${this.#options.database} has been replaced`);
      return { meta, endRead: this.#options.beginRead() };
    });
  }
}

/**
 * Leaves the folder clean, whatever ended the last process that had the database open. The holder of the folder's lock
 * calls it while no process has the database open. Returns whether the machine was booted since. If it was, the
 * database is now in its last flushed state. A call that was interrupted at any moment can be repeated.
 */
export function recoverFlushedState(database: string): boolean {
  const path = savedFileOf(database);
  if (!existsSync(path)) {
    if (isUnwritten(database)) rmSync(database);
    return false;
  }
  const slots = openSync(path, "r");
  const saved = newestSlot(slots);
  closeSync(slots);
  const restored = saved !== undefined && saved.boot !== bootId();
  if (existsSync(database)) {
    const file = openSync(database, "r+");
    if (restored) writeMeta(file, saved.meta);
    fdatasyncSync(file);
    closeSync(file);
    // The lock file holds what the processes of another boot shared.
    if (restored) rmSync(`${database}-lock`, { force: true });
  }
  removeSaved(database);
  return restored;
}
/** Returns the state to which a power cut at this moment would lead back. */
export function readSavedState(database: string): Saved | undefined {
  const slots = openSync(savedFileOf(database), "r");
  try {
    return newestSlot(slots);
  } finally {
    closeSync(slots);
  }
}

/**
 * Returns whether the file has no content but zeros. A power cut leaves such a file when it comes before the first
 * state of a new database was saved. No write had been acknowledged then.
 */
function isUnwritten(database: string): boolean {
  return (
    existsSync(database) &&
    statSync(database).size <= LARGEST_NEW_BYTES &&
    readFileSync(database).every((byte) => byte === 0)
  );
}
function removeSaved(database: string): void {
  rmSync(savedFileOf(database), { force: true });
  syncFolderSync(dirname(database));
}
const slotOf = (sequence: number): number => (sequence % SLOTS) * SLOT_BYTES;
/** Writes a slot as two lines, the digest of the second line and then the state as JSON. */
export function encodeSlot({ sequence, boot, meta }: Saved): Buffer {
  const text = JSON.stringify({ sequence, boot, meta: meta.bytes.toString("base64") });
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.write(`${digestOf(text)}\n${text}\n`);
  return slot;
}
function newestSlot(slots: number): Saved | undefined {
  const found = Array.from({ length: SLOTS }, (_, slot) => decodeSlot(readAt(slots, slotOf(slot), SLOT_BYTES)));
  return found.reduce((a, b) => (a === undefined || (b !== undefined && b.sequence > a.sequence) ? b : a));
}
export function decodeSlot(slot: Buffer): Saved | undefined {
  const [digest, text = ""] = slot.toString("utf8").split("\n");
  if (digest !== digestOf(text)) return undefined;
  const { sequence, boot, meta } = JSON.parse(text) as {
    readonly sequence: number;
    readonly boot: string;
    readonly meta: string;
  };
  return { sequence, boot, meta: decodeMeta(Buffer.from(meta, "base64")) };
}
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
