import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { bootId } from "../machine/process-identity.ts";
import { asPortError, CommitGatherer, type Durability } from "./commit-gatherer.ts";
import { FlushedState } from "./flushed-state.ts";
import { TEXT_KEYS } from "./lmdb-key.ts";

export interface EnvironmentOptions {
  readonly folder: string;
  /** Default `process`. */
  readonly durability?: Durability;
  /** Address space and largest size of the file in bytes. Default 64 GiB. The file grows only as it is filled. */
  readonly mapBytes?: number;
  /** Called when the file has been opened, before anything is read or committed, see open-permit.ts. */
  readonly onOpened?: () => void;
  /**
   * Set only in a worker, whose parent keeps the flushed state (flushed-state.ts). It is called in every transaction,
   * and it does not return when the parent has ended.
   */
  readonly ensureParent?: () => void;
}
export type TextDatabase = Database<Uint8Array, string>;
type Root = RootDatabase<Uint8Array, string>;

/** Name of the database's file in the folder. */
export const DATABASE_FILE = "state.lmdb";
const MAP_BYTES = 64 * 1_024 ** 3;
/** LMDB cannot raise this limit later. Each unused database costs a few bytes. */
const MAX_DATABASES = 16;
/** lmdb's flags that undo the transaction when the action throws, and commit before returning. */
const TRANSACTION_FLAGS = 0x1 | 0x2;
/**
 * Opens one folder's LMDB file with its databases. Several processes may have it open. All writes go through the
 * gatherer.
 */
export class LmdbEnvironment {
  readonly gatherer: CommitGatherer;
  readonly durability: Durability;
  /** Items by partition and sort key. */
  readonly tasks: TextDatabase;
  readonly callbacks: TextDatabase;
  /** Entries of the sparse indexes. */
  readonly indexes: TextDatabase;
  /** Partitions by the hours in which items of theirs expire. */
  readonly expiry: TextDatabase;
  /** Messages by id, then their places in the lines, then the counters of the queues. */
  readonly messages: TextDatabase;
  readonly lines: TextDatabase;
  readonly queues: TextDatabase;
  readonly deadLetters: TextDatabase;
  readonly blobs: TextDatabase;
  /** One entry that only shows whether the file can be written, see store-probe.ts. */
  readonly probe: TextDatabase;
  readonly #root: Root;
  readonly #flushed: FlushedState | undefined;
  #fresh = false;

  constructor(options: EnvironmentOptions) {
    this.durability = options.durability ?? "process";
    const file = join(options.folder, DATABASE_FILE);
    // Without an id of the boot a saved state would be of no use, so commits flush.
    const boot = this.durability === "process" ? bootId() : undefined;
    const root = openRoot(file, options, boot !== undefined);
    this.#root = root;
    this.#flushed =
      boot !== undefined && options.ensureParent === undefined ? keepFlushedState(file, boot, root) : undefined;
    const ensureSound = options.ensureParent ?? (() => this.#flushed?.ensureSound());
    this.gatherer = new CommitGatherer((action) =>
      root.transactionSync(() => {
        ensureSound();
        action();
      }, TRANSACTION_FLAGS),
    );
    const keys = { encoding: "binary", keyEncoder: TEXT_KEYS } as const;
    const database = (name: string): TextDatabase => root.openDB<Uint8Array, string>(name, keys);
    this.tasks = database("tasks");
    this.callbacks = database("callbacks");
    this.indexes = database("indexes");
    this.expiry = database("expiry");
    this.messages = database("messages");
    this.lines = database("lines");
    this.queues = database("queues");
    this.deadLetters = database("deadLetters");
    this.blobs = database("blobs");
    this.probe = database("probe");
  }

  /** All databases of the file that hold something, in a fixed order. */
  get databases(): readonly TextDatabase[] {
    const { tasks, callbacks, indexes, expiry, messages, lines, queues, deadLetters, blobs } = this;
    return [tasks, callbacks, indexes, expiry, messages, lines, queues, deadLetters, blobs];
  }

  /**
   * Takes a new snapshot for reads outside of a transaction. lmdb keeps one for about a turn of the event loop, so it
   * may be older than a write that another process has reported. A report arrives only with a new turn, so one snapshot
   * serves all reads until the microtasks of this turn end.
   */
  refresh(): void {
    if (this.#fresh) return;
    this.#root.resetReadTxn();
    this.#fresh = true;
    queueMicrotask(() => {
      this.#fresh = false;
    });
  }

  /** Reads outside of a transaction, on a new snapshot. Errors of the database become PortErrors. */
  reading<T>(read: () => T): T {
    try {
      this.refresh();
      return read();
    } catch (error) {
      throw asPortError(error);
    }
  }

  /** Runs the action while no process commits. The action is synchronous and must not commit itself. */
  holdCommits(action: () => void): void {
    this.#root.transactionSync(action, TRANSACTION_FLAGS);
  }

  /** Commits all pending operations, and flushes them in a parent. No method may be called afterwards. */
  async close(): Promise<void> {
    this.gatherer.drain();
    try {
      await this.#flushed?.close();
    } finally {
      await this.#root.close();
    }
  }
}

/** Opens the file. With `noSync` commits do not flush, see flushed-state.ts. */
function openRoot(file: string, { mapBytes = MAP_BYTES, onOpened }: EnvironmentOptions, noSync: boolean): Root {
  return open<Uint8Array, string>(file, {
    noSubdir: true,
    mapSize: mapBytes,
    maxDbs: MAX_DATABASES,
    encoding: "binary",
    // Plain LMDB has one lock for writers. Without noSync it flushes the pages of a commit before the meta page that
    // makes them the present state. lmdb's own way takes a second lock and is no faster to the disk.
    overlappingSync: false,
    noSync,
    // The root holds only the names of the databases. lmdb calls enableNullTermination after it has opened the file and
    // before its own first transaction.
    keyEncoder: { ...TEXT_KEYS, enableNullTermination: () => onOpened?.() },
  });
}
function keepFlushedState(database: string, boot: string, root: Root): FlushedState {
  return new FlushedState({
    database,
    boot,
    holdCommits: (action) => root.transactionSync(action, TRANSACTION_FLAGS),
    beginRead: () => {
      root.resetReadTxn();
      const read = root.useReadTransaction();
      return () => read.done();
    },
  });
}

/** Returns a copy of a value. */
export function readCopy(database: TextDatabase, key: string): Buffer | undefined {
  return database.getBinary(key);
}
/**
 * Returns a value that is valid until the next read, since lmdb reuses its buffer. Its `length` is that of the value,
 * but the memory behind it is longer. So it must not be passed on as a whole.
 */
export function readVolatile(database: TextDatabase, key: string): Buffer | undefined {
  const bytes = database.getBinaryFast(key) as Buffer | Uint8Array | undefined;
  if (bytes === undefined || Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
