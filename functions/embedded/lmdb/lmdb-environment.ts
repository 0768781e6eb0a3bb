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
  /** Address space, and the largest size of the file. Default 64 GiB; the file itself only grows as it is filled. */
  readonly mapBytes?: number;
  /** Called when the file has been opened, before anything is read or committed: see open-permit.ts. */
  readonly onOpened?: () => void;
  /** In a worker, whose parent keeps the flushed state (flushed-state.ts): called in every transaction; it does not return when the parent is dead. */
  readonly ensureParent?: () => void;
}
export type TextDatabase = Database<Uint8Array, string>;

/** In the folder. */
export const DATABASE_FILE = "state.lmdb";
const MAP_BYTES = 64 * 1_024 ** 3;
/** A limit that LMDB does not raise later; each unused one costs a few bytes. */
const MAX_DATABASES = 16;
/** lmdb's flags: undo when the action throws, and commit before returning. */
const TRANSACTION_FLAGS = 0x1 | 0x2;
/** One folder's LMDB file and its databases; several processes may have it open. All writes go through the gatherer. */
export class LmdbEnvironment {
  readonly gatherer: CommitGatherer;
  readonly durability: Durability;
  /** Items, by partition and sort key. */
  readonly tasks: TextDatabase;
  readonly callbacks: TextDatabase;
  /** Entries of the sparse indexes. */
  readonly indexes: TextDatabase;
  /** Which partitions have items that expire in which hour. */
  readonly expiry: TextDatabase;
  /** Messages by id, their places in line, and the counters of their queues. */
  readonly messages: TextDatabase;
  readonly lines: TextDatabase;
  readonly queues: TextDatabase;
  readonly deadLetters: TextDatabase;
  readonly blobs: TextDatabase;
  readonly #root: RootDatabase<Uint8Array, string>;
  readonly #flushed: FlushedState | undefined;
  #fresh = false;

  constructor(options: EnvironmentOptions) {
    this.durability = options.durability ?? "process";
    const file = join(options.folder, DATABASE_FILE);
    // Where nothing tells one boot from another, a saved state would be of no use.
    const boot = this.durability === "process" ? bootId() : undefined;
    const root = open<Uint8Array, string>(file, {
      noSubdir: true,
      mapSize: options.mapBytes ?? MAP_BYTES,
      maxDbs: MAX_DATABASES,
      encoding: "binary",
      // Plain LMDB: one lock for writers, and (without noSync) the pages of a commit on the disk before the page that makes them the present state. lmdb's own
      // way takes a second lock, and does not lead faster to the disk.
      overlappingSync: false,
      // Commits do not flush at all: see flushed-state.ts.
      noSync: boot !== undefined,
      // The root holds the names of the databases only. lmdb calls the last of these between opening the file and its own first transaction.
      keyEncoder: { ...TEXT_KEYS, enableNullTermination: () => options.onOpened?.() },
    });
    this.#root = root;
    if (boot !== undefined && options.ensureParent === undefined) {
      this.#flushed = new FlushedState({
        database: file,
        boot,
        holdCommits: (action) => root.transactionSync(action, TRANSACTION_FLAGS),
        beginRead: () => {
          root.resetReadTxn();
          const read = root.useReadTransaction();
          return () => read.done();
        },
      });
    }
    const ensureSound = options.ensureParent ?? (() => this.#flushed?.ensureSound());
    this.gatherer = new CommitGatherer((action) =>
      root.transactionSync(() => {
        ensureSound();
        action();
      }, TRANSACTION_FLAGS),
    );
    const database = (name: string): TextDatabase => {
      const keys = { encoding: "binary", keyEncoder: TEXT_KEYS } as const;
      return root.openDB<Uint8Array, string>(name, keys);
    };
    this.tasks = database("tasks");
    this.callbacks = database("callbacks");
    this.indexes = database("indexes");
    this.expiry = database("expiry");
    this.messages = database("messages");
    this.lines = database("lines");
    this.queues = database("queues");
    this.deadLetters = database("deadLetters");
    this.blobs = database("blobs");
  }

  /** All there are. */
  get databases(): readonly TextDatabase[] {
    const { tasks, callbacks, indexes, expiry, messages, lines, queues, deadLetters, blobs } = this;
    return [tasks, callbacks, indexes, expiry, messages, lines, queues, deadLetters, blobs];
  }

  /**
   * To be called before reading outside of a transaction: lmdb keeps one snapshot for about a turn of the event loop, which may be older than a
   * write that another process has reported. Word of it can only come with a new turn, so one snapshot serves all reads until this one's microtasks end.
   */
  refresh(): void {
    if (this.#fresh) return;
    this.#root.resetReadTxn();
    this.#fresh = true;
    queueMicrotask(() => {
      this.#fresh = false;
    });
  }

  /** Reads outside of a transaction, fresh; what the database throws becomes a PortError. */
  reading<T>(read: () => T): T {
    try {
      this.refresh();
      return read();
    } catch (error) {
      throw asPortError(error);
    }
  }

  /** While the action runs, no process commits. It is synchronous and must not commit itself. */
  holdCommits(action: () => void): void {
    this.#root.transactionSync(action, TRANSACTION_FLAGS);
  }

  /** Commits what is pending; in a parent, flushes it. Nothing may be called afterwards. */
  async close(): Promise<void> {
    this.gatherer.drain();
    try {
      await this.#flushed?.close();
    } finally {
      await this.#root.close();
    }
  }
}

/** A value of one's own. */
export function readCopy(database: TextDatabase, key: string): Buffer | undefined {
  return database.getBinary(key);
}
/**
 * A value, valid until the next read, since lmdb reuses its buffer. Its `length` is that of the value, while the memory behind it is longer: nothing may
 * be done with it as a whole.
 */
export function readVolatile(database: TextDatabase, key: string): Buffer | undefined {
  const bytes = database.getBinaryFast(key) as Buffer | Uint8Array | undefined;
  if (bytes === undefined || Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
