import { parseRunId } from "../../functions/core/plan/run-id.ts";
import type { RunStatus } from "../../functions/core/plan/run-state.ts";
import { DEFAULT_CONFIG } from "../../functions/engine/config.ts";
import { headerKey, ledgerKey, PROGRESS_SHARDS, progressKey, runKey } from "../../functions/engine/item-kinds.ts";
import { isRootRow, ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import {
  type Key,
  type OutgoingMessage,
  PortError,
  type Ports,
  type ReceivedMessage,
  type WriteOp,
} from "../../functions/engine/ports.ts";
import type { Abort, WorkerLoop } from "../../functions/engine/worker-loop.ts";
import type { LocalEngine } from "./local-engine.ts";

/**
 * Scripted faults between an engine and its ports. A script decides which call fails, waits, or is the last of its
 * process.
 */

/** One call of a port. Reads write and send nothing. */
export interface PortCall {
  readonly writes: readonly WriteOp[];
  readonly messages: readonly OutgoingMessage[];
  /** Name of the blob that is put. */
  readonly blob?: string;
}
type Matches = (call: PortCall) => boolean;

/** Matches a write on a run's row; with `status`, one that brings the row to that status. */
export function writesRun(runId: string, status?: RunStatus): Matches {
  const ref = parseRunId(runId);
  if (!ref) throw new Error(`${runId} is no run`);
  const key = runKey(ref, DEFAULT_CONFIG.width);
  // The first row of a job is part of its root header.
  if (isRootRow(key)) return ({ writes }) => writes.some((op) => writesFirst(op, ref.gid, status));
  return ({ writes }) =>
    writes.some((op) => isSame(op.key, key) && (status === undefined || setBy(op)?.["status"] === status));
}
function writesFirst(op: WriteOp, jobId: string, status: RunStatus | undefined): boolean {
  const set = setBy(op)?.[ROOT_STATUS];
  return isSame(op.key, headerKey(jobId)) && (status === undefined ? set !== undefined : set === status);
}
/** Matches a write on a group's header; with `attribute`, one that sets that attribute. */
export function writesHeader(gid: string, attribute?: string): Matches {
  const key = headerKey(gid);
  return ({ writes }) =>
    writes.some((op) => isSame(op.key, key) && (attribute === undefined || setBy(op)?.[attribute] !== undefined));
}
/** Matches a mark of members of a group's first leaf. */
export const marksFirstLeaf = (gid: string): Matches => writesOneOf([ledgerKey(gid, 0, 1, 0)]);
/** Matches a write of a job's live counters. */
export const writesProgress = (jobId: string): Matches =>
  writesOneOf(Array.from({ length: PROGRESS_SHARDS }, (_, shard) => progressKey(jobId, shard)));

function writesOneOf(keys: readonly Key[]): Matches {
  return ({ writes }) => writes.some((op) => keys.some((key) => isSame(op.key, key)));
}
function isSame(one: Key, other: Key): boolean {
  return one.table === other.table && one.partition === other.partition && one.sort === other.sort;
}
function setBy(op: WriteOp): Readonly<Record<string, unknown>> | undefined {
  if (op.op === "put") return op.attributes;
  return op.op === "update" ? op.change.set : undefined;
}
/** Matches a message of this kind, about this group where one is given. */
export function sends(kind: string, gid?: string): Matches {
  return ({ messages }) =>
    messages.some(({ body }) => {
      const message = body as { readonly kind?: string; readonly gid?: string };
      return message.kind === kind && (gid === undefined || message.gid === gid);
    });
}

/**
 * Calls `before` ahead of every call of the store, the queue and the blobs. The call waits for `before`, and fails when
 * `before` throws.
 */
function watched(ports: Ports, before: (call: PortCall) => Promise<void>): Ports {
  const { store, queue, blobs } = ports;
  const reading: PortCall = { writes: [], messages: [] };
  const after = async <T>(call: PortCall, perform: () => Promise<T>): Promise<T> => {
    await before(call);
    return perform();
  };
  return {
    ...ports,
    store: {
      get: (...given) => after(reading, () => store.get(...given)),
      getMany: (...given) => after(reading, () => store.getMany(...given)),
      query: (...given) => after(reading, () => store.query(...given)),
      queryIndex: (...given) => after(reading, () => store.queryIndex(...given)),
      write: (op) => after({ writes: [op], messages: [] }, () => store.write(op)),
      writeMany: (ops) => after({ writes: ops, messages: [] }, () => store.writeMany(ops)),
    },
    queue: {
      maxDelaySeconds: queue.maxDelaySeconds,
      depth: (name) => queue.depth(name),
      send: (messages) => after({ writes: [], messages }, () => queue.send(messages)),
    },
    blobs: {
      get: (name) => after(reading, () => blobs.get(name)),
      store: (...given) => after(reading, () => blobs.store(...given)),
      keep: (...given) => after(reading, () => blobs.keep(...given)),
      open: (sha256) => after(reading, () => blobs.open(sha256)),
      put: (name, content) => after({ ...reading, blob: name }, () => blobs.put(name, content)),
    },
  };
}

/** A point at which a script holds work until it is released. */
export class Latch {
  /** Resolves when work waits here. */
  readonly reached: Promise<void>;
  readonly #released: Promise<void>;
  #reach = (): void => undefined;
  release = (): void => undefined;

  constructor() {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.#released = new Promise((resolve) => (this.release = resolve));
  }
  wait(): Promise<void> {
    this.#reach();
    return this.#released;
  }
}

/** While armed, it lets the first matching call fail as if store and queue were down. */
export class Outage {
  static readonly message = "the script says so";
  readonly #matches: Matches;
  armed: boolean;

  constructor(matches: Matches, armed = true) {
    this.#matches = matches;
    this.armed = armed;
  }
  readonly around = (ports: Ports): Ports =>
    watched(ports, async (call) => {
      if (!this.armed || !this.#matches(call)) return;
      this.armed = false;
      throw new PortError("outage", Outage.message);
    });
}

/** Refuses writes from `fill` on. After as many refusals as were asked for there is room again. */
export class FullDisk {
  hasRefused = false;
  #refusals = 0;
  #before = 0;

  /** `before` writes still find room. */
  fill(refusals: number, before = 0): void {
    this.#refusals = refusals;
    this.#before = before;
  }
  readonly around = (ports: Ports): Ports =>
    watched(ports, async ({ writes, messages, blob }) => {
      if (this.#refusals === 0 || (writes.length === 0 && messages.length === 0 && blob === undefined)) return;
      if (this.#before-- > 0) return;
      this.#refusals--;
      this.hasRefused = true;
      throw new PortError("unwritable", "the script's disk is full");
    });
}

/** Makes the first matching call wait at the latch before it happens. */
export class HeldCall extends Latch {
  readonly #matches: Matches;
  #held = false;

  constructor(matches: Matches) {
    super();
    this.#matches = matches;
  }
  readonly around = (ports: Ports): Ports =>
    watched(ports, async (call) => {
      if (this.#held || !this.#matches(call)) return;
      this.#held = true;
      await this.wait();
    });
}

/** Makes the nth read of a header wait at the latch before it happens. */
export class HeldRead extends Latch {
  readonly #gid: string;
  #reads: number;

  constructor(gid: string, nth = 1) {
    super();
    this.#gid = gid;
    this.#reads = nth;
  }
  readonly around = (ports: Ports): Ports => ({
    ...ports,
    store: {
      get: async (key, options) => {
        if (isSame(key, headerKey(this.#gid)) && --this.#reads === 0) await this.wait();
        return ports.store.get(key, options);
      },
      getMany: (...given) => ports.store.getMany(...given),
      query: (...given) => ports.store.query(...given),
      queryIndex: (...given) => ports.store.queryIndex(...given),
      write: (...given) => ports.store.write(...given),
      writeMany: (...given) => ports.store.writeMany(...given),
    },
  });
}

/**
 * A process that dies before the first matching call. Neither that call nor a later one happens, and none returns, so
 * no `finally` runs.
 */
export class Death {
  /** Resolves when the process has died. */
  readonly died: Promise<void>;
  readonly #matches: Matches;
  #die = (): void => undefined;
  #dead = false;

  constructor(matches: Matches) {
    this.#matches = matches;
    this.died = new Promise((resolve) => (this.#die = resolve));
  }
  readonly around = (ports: Ports): Ports =>
    watched(ports, async (call) => {
      if (!this.#dead && !this.#matches(call)) return;
      this.#dead = true;
      this.#die();
      await new Promise<never>(() => undefined);
    });
}

/** Returns ports whose inconsistent reads do not see the latest writes yet. */
export function laggingReads(ports: Ports): Ports {
  const { store } = ports;
  return {
    ...ports,
    store: {
      get: async (key, options) => (options?.consistent ? store.get(key, options) : undefined),
      getMany: (...given) => store.getMany(...given),
      query: (...given) => store.query(...given),
      queryIndex: (...given) => store.queryIndex(...given),
      write: (op) => store.write(op),
      writeMany: (ops) => store.writeMany(ops),
    },
  };
}

/** A loop that counts the slots that are lent and not yet returned, and that can abort the runs that it holds. */
export class ScriptedLoop implements WorkerLoop {
  lent = 0;
  readonly #aborts = new Set<Abort>();

  takeSlot(_alone: boolean): Promise<{ release(): void }> {
    return Promise.resolve(this.#lend());
  }
  tryTakeSlot(): { release(): void } {
    return this.#lend();
  }
  hold(_runs: unknown, abort: Abort): ReturnType<WorkerLoop["hold"]> {
    this.#aborts.add(abort);
    return { ready: undefined, narrow: () => undefined, release: () => void this.#aborts.delete(abort) };
  }
  readonly abort: Abort = (...given) => {
    for (const abort of this.#aborts) abort(...given);
  };
  #lend(): { release(): void } {
    this.lent++;
    let back = false;
    return {
      release: () => {
        if (!back) this.lent--;
        back = true;
      },
    };
  }
}

/** Receives the only message that is due in these queues, by default in all of them. */
export async function onlyMessage(
  local: LocalEngine,
  queues: readonly string[] = local.queues,
): Promise<ReceivedMessage & { readonly id: string }> {
  const [message, another] = await local.queue.receive(queues, 10, 30);
  if (!message || another) throw new Error("one message was expected");
  return message;
}
/** Handles messages until none is due now. */
export async function untilIdle(local: LocalEngine): Promise<void> {
  while (await local.turn());
}
/** Handles messages until the members of a job's group have been sent. */
export async function untilExpanded(local: LocalEngine, jobId: string): Promise<void> {
  const isExpanded = async (): Promise<boolean> => {
    const { items } = await local.engine.runs(jobId, {});
    const groups = items.flatMap(({ childGroup }) => (childGroup === undefined ? [] : [headerKey(childGroup)]));
    return (await local.store.getMany(groups)).some((header) => header?.attributes["expanded"] === true);
  };
  while (!(await isExpanded())) await local.turn();
}
/** Lets all work continue that needs no time to pass. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
