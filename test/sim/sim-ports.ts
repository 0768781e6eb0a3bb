import { createHash } from "node:crypto";
import type { Json } from "../../functions/core/json.ts";
import { jobIdOf } from "../../functions/core/plan/run-id.ts";
import type { TaskRegistry, TaskRunner } from "../../functions/core/task/invocation.ts";
import {
  type Executions,
  type Key,
  PortError,
  type OutgoingMessage,
  type Ports,
  type QueueDepth,
  type SchedulePorts,
  type WriteOp,
  type WriteResult,
} from "../../functions/engine/ports.ts";
import type { Faults } from "./faults.ts";
import type { Releases } from "./releases.ts";
import type { Tiers } from "./tiers.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import type { SharedWork } from "./shared-work.ts";
import type { Shape } from "./shape.ts";
import type { SimExecutions } from "./sim-executions.ts";
import type { SimQueue } from "./sim-queue.ts";
import { idOf, type SimStore } from "./sim-store.ts";
import type { SoloWork } from "./solo-work.ts";

export interface SimWorld {
  readonly scheduler: Scheduler;
  readonly store: SimStore;
  readonly queue: SimQueue;
  readonly blobs: Map<string, Uint8Array>;
  readonly executions: SimExecutions;
  readonly faults: Faults;
  /** While it is full, no write of any process is applied. */
  readonly disk: { full: boolean };
  readonly maxDelaySeconds: number;
  readonly visibilityMs: number;
  readonly maxReceives: number;
  /** Returns whether the handling of the next message is to fail. */
  readonly poisons: () => boolean;
  readonly registry: TaskRegistry;
  /** Times of schedules, and what they start. */
  readonly schedules?: SchedulePorts;
  readonly shape: Shape;
  readonly shared: SharedWork;
  readonly releases: Releases;
  readonly tiers: Tiers;
  readonly solos: SoloWork;
  /** Items of which a fault has made a write late. */
  readonly late: Set<string>;
  /** Is called for each message that a queue has taken, with what its sender is handling. */
  sent?: (message: OutgoingMessage, process: SimProcess, handling: readonly Json[]) => void;
  /** Bodies of the messages that each process is handling. */
  readonly handling: Map<SimProcess, Set<Json>>;
}

/** The parts of the world that watchers look at. */
export type Watched = Pick<SimWorld, "scheduler" | "store" | "queue" | "blobs" | "shape" | "shared" | "tiers">;

/**
 * Returns the ports of one process. Every call becomes a pending call of the scheduler, and every operation of a batch
 * its own call.
 */
export function simPorts(world: SimWorld, process: SimProcess, runner: TaskRunner, startsExecutions: boolean): Ports {
  const { scheduler, store, queue, blobs } = world;
  const remote = <T>(label: () => string, perform: () => T, when?: () => boolean): Promise<T> =>
    scheduler.call(process, { kind: "remote", label, perform, ...(when && { when }) });
  const writing = <T>(label: () => string, perform: () => T, when?: () => boolean): Promise<T> =>
    remote(
      label,
      () => {
        if (world.disk.full) throw new PortError("unwritable", "the disk is full");
        return perform();
      },
      when,
    );
  let sequence = 0;
  const unique = (kind: string): string => `${kind}-${process.name}-${++sequence}`;
  /** Reads as the handler of a poisoned message does. The failure is none of a port. */
  const readable = (...keys: readonly Key[]): void => {
    if (process.poisoned && keys.some(({ table }) => table === "callbacks")) throw new Error("poisoned");
  };
  const write = (op: WriteOp): Promise<WriteResult> =>
    writing(
      () => labelOf(op),
      () => applyWrite(world, process, op),
      lateness(world, process, op),
    );
  /** A real queue may not know its depth, and says so, or does not answer. */
  const depthOf = (name: string): Promise<QueueDepth | undefined> =>
    remote(
      () => `depth ${name}`,
      () => {
        const unknown =
          scheduler.faults !== undefined && scheduler.random.chance(world.faults.depthAsZero ? 0.6 : 0.15);
        if (!unknown) return queue.depth(name, scheduler.now);
        return world.faults.depthAsZero ? { ready: 0, delayed: 0, inFlight: 0 } : undefined;
      },
    );
  return {
    registry: world.tiers.registryOf(world.releases.registryOf(process, world.registry)),
    runner,
    ...(world.schedules && { schedules: world.schedules }),
    store: {
      get: (key, options) =>
        remote(
          () => `get ${idOf(key)}${options?.consistent ? "" : " (stale)"}`,
          () => {
            readable(key);
            return readItem(world, process, key, options?.consistent ?? false, false);
          },
        ),
      getMany: (keys) =>
        remote(
          () => `getMany ${keys.map(idOf).join(", ")}`,
          () => {
            readable(...keys);
            return keys.map((key, k) => readItem(world, process, key, true, true, keys[k - 1]));
          },
        ),
      query: (table, partition, options) =>
        remote(
          () => `query ${table} ${partition}`,
          () => {
            const { items, ...rest } = store.query(table, partition, options);
            return { ...rest, items: items.flatMap(({ key }) => readItem(world, process, key, true, false) ?? []) };
          },
        ),
      queryIndex: (query) =>
        remote(
          () => `queryIndex ${query.index} ${query.partition}`,
          () => store.queryIndex(query),
        ),
      write,
      writeMany: async (ops) => {
        if (ops.length > 1 && ops.every(isOfRun)) scheduler.count("batches");
        world.solos.wrote(ops);
        const results = await Promise.all(ops.map(write));
        return world.faults.reportMany?.(ops, results) ?? results;
      },
    },
    queue: {
      maxDelaySeconds: world.maxDelaySeconds,
      depth: (name) => (world.faults.backlog ? depthOf(name) : Promise.resolve(undefined)),
      send: async (messages) => {
        await Promise.all(
          messages.map((message) =>
            writing(
              () => `send ${message.queue} ${JSON.stringify(message.body)} +${message.delaySeconds ?? 0}s`,
              () => {
                const handling = [...(world.handling.get(process) ?? [])];
                if (world.faults.swallow?.(message.body, handling)) return;
                queue.send(message, scheduler.now, world.poisons());
                world.sent?.(message, process, handling);
              },
            ),
          ),
        );
      },
    },
    blobs: {
      put: (name, content) =>
        writing(
          () => `put blob ${name}`,
          () => {
            const { lostBlobs = 0, lostParts = 0 } = world.faults;
            if (!scheduler.random.chance(name.includes("/part/") ? lostParts : lostBlobs)) blobs.set(name, content);
          },
        ),
      get: (name) =>
        remote(
          () => `get blob ${name}`,
          () => blobs.get(name),
        ),
      // Workloads have no content of their own: it takes no part in the protocol but by its references.
      store: () => Promise.reject(new Error("no task of the simulation puts a blob")),
      keep: () => Promise.resolve(undefined),
      open: () => Promise.resolve(undefined),
    },
    ...(startsExecutions && { executions: executionsPort(world, process, remote) }),
    clock: {
      now: () => scheduler.now + process.skew,
      pause: (milliseconds) =>
        scheduler.call(process, {
          kind: "local",
          label: () => `pause ${milliseconds}`,
          readyAt: scheduler.now + milliseconds,
          perform: () => undefined,
        }),
    },
    ids: {
      job: () => unique("job"),
      token: () => (world.faults.tokenPerProcess ? process.name : unique("token")),
      hash: (text) => createHash("sha256").update(text).digest("hex"),
      random: () => scheduler.random.next(),
    },
  };
}

function executionsPort(
  { executions, faults }: SimWorld,
  process: SimProcess,
  remote: <T>(label: () => string, perform: () => T) => Promise<T>,
): Executions {
  return {
    start: (machine, name, input) =>
      remote(
        () => `start ${name}`,
        () => executions.start(process, machine, name, input),
      ),
    endOf: (_machine, name) =>
      remote(
        () => `end of ${name}`,
        () => executions.all.endOf(name),
      ),
    stop: (_machine, name, cause) =>
      remote(
        () => `stop ${name}`,
        () => {
          if (!faults.deafExecutions) executions.all.halt(name, cause);
        },
      ),
  };
}

/** Returns when a write may be applied that a fault makes late. Clients wait for theirs, so they are left. */
function lateness({ faults, shape, late }: SimWorld, { name }: SimProcess, op: WriteOp): (() => boolean) | undefined {
  if (name.startsWith("client") || !faults.late?.(op) || late.has(idOf(op.key))) return undefined;
  late.add(idOf(op.key));
  const jobId = jobIdOf(op.key.partition.split("#")[1] ?? "");
  const round = shape.roundOf(jobId);
  return () => shape.roundOf(jobId) > round;
}
/** Returns the round and group of a ledger node that a retry puts. */
function copyOf({ op, key }: WriteOp): { readonly gid: string; readonly round: number } | undefined {
  const [kind, gid = "", round] = key.partition.split("#");
  return op === "put" && kind === "L" ? { gid, round: Number(round) } : undefined;
}

function applyWrite(world: SimWorld, process: SimProcess, op: WriteOp): WriteResult {
  const { scheduler, store, faults, shape } = world;
  const copy = faults.copiesLate && copyOf(op);
  if (copy) {
    const when = (): boolean => shape.roundOf(copy.gid) >= copy.round;
    void scheduler.call(process, {
      kind: "local",
      label: () => labelOf(op),
      when,
      perform: () => store.write(process, op),
    });
    return { applied: true, item: store.peek(op.key), units: 1 };
  }
  const rewritten = faults.rewrite ? faults.rewrite(op) : op;
  if (!rewritten) return { applied: true, item: store.peek(op.key), units: 1 };
  const before = store.peek(op.key);
  const result = store.write(process, rewritten);
  if (
    result.applied &&
    scheduler.faults &&
    faults.reportedBeforeApplied !== undefined &&
    scheduler.random.chance(faults.reportedBeforeApplied)
  ) {
    // Until it dies, the process builds on a write that never became durable.
    world.scheduler
      .call(process, { kind: "local", label: () => "dies with unwritten data", perform: () => scheduler.kill(process) })
      .catch(() => undefined);
    store.revert(op.key, before);
  }
  if (result.applied && scheduler.faults && faults.dies?.(op)) {
    scheduler
      .call(process, { kind: "local", label: () => "dies as it must", perform: () => scheduler.kill(process) })
      .catch(() => undefined);
  }
  return faults.report ? faults.report(op, result, (runId) => shape.rowOf(runId)) : result;
}

function readItem(
  world: SimWorld,
  process: SimProcess,
  key: Parameters<SimStore["peek"]>[0],
  consistent: boolean,
  many: boolean,
  before?: Key,
): ReturnType<SimStore["peek"]> {
  const { store, faults, scheduler } = world;
  const item = store.read(key, consistent);
  if (!consistent || !faults.read) return item;
  return faults.read({
    process,
    key,
    item,
    previous: store.previous(key),
    many,
    below: before && isBelow(before, key) ? (store.peek(before)?.attributes["round"] as number | undefined) : undefined,
    rowsOf: (gid) => world.shape.membersWithRows(gid),
    roundOf: (gid) => world.shape.roundOf(gid),
    chance: (probability) => scheduler.random.chance(probability),
    handling: () => [...(world.handling.get(process) ?? [])],
  });
}

/** Whether two headers are those of a group and of one above it. */
const isBelow = (inner: Key, outer: Key): boolean =>
  inner.table === "callbacks" && outer.table === "callbacks" && inner.partition.startsWith(`${outer.partition}.`);
/** Returns whether the write is a claim, or the end of an attempt. */
function isOfRun(op: WriteOp): boolean {
  const set = op.op === "put" ? op.attributes : op.op === "update" ? op.change.set : undefined;
  return set?.["writer"] !== undefined || set?.["leaseOwner"] !== undefined;
}
function labelOf(op: WriteOp): string {
  const when = op.when ? ` IF ${JSON.stringify(op.when)}` : "";
  const what = op.op === "put" ? op.attributes : op.op === "update" ? op.change : {};
  const text = JSON.stringify(what, (_name, value: unknown) =>
    value instanceof Set ? [...(value as Set<unknown>)] : value,
  );
  return `${op.op} ${idOf(op.key)} ${text}${when}`;
}
