import { createHash } from "node:crypto";
import { closeSync, constants, existsSync, fdatasync, fdatasyncSync, fstatSync, openSync, readFileSync, rmSync, statSync, write, writeSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { PortError } from "../../engine/ports.ts";
import { bootId } from "../machine/process-identity.ts";
import { syncFolderSync } from "../machine/sync-folder.ts";
import { decodeMeta, type Meta, readAt, readMeta, writeMeta } from "./lmdb-meta.ts";

/**
 * Commits do not wait for the disk: what is flushed is one state of the database, at most about 100 ms old, that a power cut leads back to. Beside the
 * database lies a file with that state's meta page and the machine's boot. Why no power cut can do harm: docs/adr/0011.
 *
 *     clean     no such file. All is on the disk; the database's own newest meta page counts.
 *     running   the saved state T is whole on the disk, and all its pages keep what they hold. Later commits are in the system's memory, perhaps on the disk.
 *
 *     clean -> running     an open parent holds a read transaction on T = the present state, flushes, saves T; only then it commits.
 *     T -> later T'        between two commits the parent begins a read transaction on T'; the database is flushed, T' saved and flushed; the one on T ends.
 *     running -> clean     a parent that stops flushes everything and removes the file. One that starts after a kill does it as well; after another boot it
 *                          first makes T the database's only state.
 *
 * LMDB writes to no page of a state that somebody reads, whoever commits. The parent reads for all: its read transaction stays in the shared table
 * of readers when it is killed, until a process opens the database. So workers, which may commit for moments after that, look in each transaction whether
 * their parent lives, and a parent that exits without having stopped ends them first.
 */
export interface FlushedOptions {
  /** Path of the database's file; it is open. */
  readonly database: string;
  readonly boot: string;
  /** No process commits while the action runs. */
  readonly holdCommits: <T>(action: () => T) => T;
  /** Begins a read transaction on the present state; the result ends it. */
  readonly beginRead: () => () => void;
}
interface Saved {
  readonly sequence: number;
  readonly boot: string;
  readonly meta: Meta;
}

/** How often the parent looks for commits, its own and others'. Reads a few bytes of the file; a message from whoever commits would cost more under load. */
const LOOK_MS = 50;
/**
 * While a flush lasts, commits free pages that may not be used again yet, and the file grows. Were they faster than the disk, each flush would take longer than
 * the one before: so they wait for one that takes so long.
 */
const SLOW_MS = 250;
/** Written in turn: a write that a power cut tears leaves the other. */
const SLOTS = 2;
export const SLOT_BYTES = 4_096;
/** Two pages, the largest that a system has. */
const LARGEST_UNBORN_BYTES = 2 * 65_536;
const FLUSH_FAILED = "the disk failed to take what was committed, so nothing more is committed; see to the disk and start again";
const flushFile = promisify(fdatasync);
const writeFile = promisify(write);

export const savedFileOf = (database: string): string => `${database}-flushed`;

/** Keeps a database's flushed state near its present one. For the one process that has opened it as a parent. */
export class FlushedState {
  readonly #options: FlushedOptions;
  readonly #database: number;
  readonly #slots: number;
  readonly #looking: NodeJS.Timeout;
  #sequence: number;
  #saved: bigint;
  #endRead: () => void;
  #running: Promise<void> | undefined;
  #begun = 0;
  #failure: unknown;

  /** Saves the present state; nothing may have been committed since the database was clean or another parent had it. */
  constructor(options: FlushedOptions) {
    this.#options = options;
    const slots = savedFileOf(options.database);
    this.#database = openSync(options.database, "r+");
    this.#slots = openSync(slots, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (fstatSync(this.#slots).size < SLOTS * SLOT_BYTES) writeSync(this.#slots, Buffer.alloc(SLOTS * SLOT_BYTES), 0, SLOTS * SLOT_BYTES, 0);
    this.#sequence = (newestSlot(this.#slots)?.sequence ?? 0) + 1;
    const { meta, endRead } = this.#hold();
    fdatasyncSync(this.#database);
    writeSync(this.#slots, encodeSlot({ sequence: this.#sequence, boot: options.boot, meta }), 0, SLOT_BYTES, slotOf(this.#sequence));
    fdatasyncSync(this.#slots);
    const folder = dirname(slots);
    for (const path of [folder, dirname(folder)]) syncFolderSync(path);
    this.#saved = meta.transaction;
    this.#endRead = endRead;
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** @throws PortError `outage` after a flush has failed: a later one would not tell which pages the disk has lost */
  ensureSound(): void {
    if (this.#failure !== undefined) throw new PortError("outage", FLUSH_FAILED, { cause: this.#failure });
  }

  /** Leaves the folder clean. Nobody may commit any more. */
  async close(): Promise<void> {
    clearInterval(this.#looking);
    await this.#running;
    try {
      this.ensureSound();
      await flushFile(this.#database);
      forget(this.#options.database);
    } finally {
      this.#endRead();
      closeSync(this.#database);
      closeSync(this.#slots);
    }
  }

  #look(): void {
    if (this.#running !== undefined) {
      if (performance.now() - this.#begun > SLOW_MS) this.#wait();
      return;
    }
    if (this.#failure !== undefined || readMeta(this.#database)?.transaction === this.#saved) return;
    this.#begun = performance.now();
    this.#running = this.#flush()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }
  /** Commits wait until the disk has caught up; this process as well. */
  #wait(): void {
    try {
      this.#options.holdCommits(() => fdatasyncSync(this.#database));
    } catch (error) {
      this.#failure = error;
    }
  }
  /** The order is what makes it right: see above. */
  async #flush(): Promise<void> {
    const { meta, endRead } = this.#hold();
    await flushFile(this.#database);
    // The system tells of lost pages once: it may have told those who wait.
    this.ensureSound();
    const sequence = this.#sequence + 1;
    await writeFile(this.#slots, encodeSlot({ sequence, boot: this.#options.boot, meta }), 0, SLOT_BYTES, slotOf(sequence));
    await flushFile(this.#slots);
    this.#endRead();
    this.#sequence = sequence;
    this.#saved = meta.transaction;
    this.#endRead = endRead;
  }
  /** The present state, and a read transaction on it. */
  #hold(): { readonly meta: Meta; readonly endRead: () => void } {
    return this.#options.holdCommits(() => {
      const meta = readMeta(this.#database);
      if (meta === undefined) throw new Error(`${this.#options.database} has been replaced`);
      return { meta, endRead: this.#options.beginRead() };
    });
  }
}

/**
 * Leaves the folder clean, whatever ended the last process that had the database open. To be called by the holder of the folder's lock while nobody has it
 * open. `true`: the machine was started anew since, and the database is in its last flushed state. Interrupted at any moment, it can be called again.
 */
export function recoverFlushedState(database: string): boolean {
  const path = savedFileOf(database);
  if (!existsSync(path)) {
    if (isUnborn(database)) rmSync(database);
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
    // It holds what the processes of another boot shared.
    if (restored) rmSync(`${database}-lock`, { force: true });
  }
  forget(database);
  return restored;
}
/** What a power cut at this moment would lead back to. */
export function readSavedState(database: string): Saved | undefined {
  const slots = openSync(savedFileOf(database), "r");
  try {
    return newestSlot(slots);
  } finally {
    closeSync(slots);
  }
}

/** A power cut before the first state of a new database was saved leaves zeros, or nothing, under its name. Nothing had been promised. */
function isUnborn(database: string): boolean {
  return existsSync(database) && statSync(database).size <= LARGEST_UNBORN_BYTES && readFileSync(database).every((byte) => byte === 0);
}
function forget(database: string): void {
  rmSync(savedFileOf(database), { force: true });
  syncFolderSync(dirname(database));
}
const slotOf = (sequence: number): number => (sequence % SLOTS) * SLOT_BYTES;
/** A line with the digest of the next one, which is the state as JSON. */
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
  const { sequence, boot, meta } = JSON.parse(text) as { readonly sequence: number; readonly boot: string; readonly meta: string };
  return { sequence, boot, meta: decodeMeta(Buffer.from(meta, "base64")) };
}
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
