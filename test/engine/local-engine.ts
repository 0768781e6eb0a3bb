import { MAX_RECEIVES } from "../../functions/core/names/queue-name.ts";
import type { TaskRegistry, TaskRunner } from "../../functions/core/task/invocation.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import { createEngine } from "../../functions/engine/engine.ts";
import type { Ports } from "../../functions/engine/ports.ts";
import type { WorkerLoop } from "../../functions/engine/worker-loop.ts";
import type { AnyTask } from "../../functions/sdk/any-task.ts";
import { createRegistry, createRunner } from "../../functions/sdk/runner.ts";
import { FakeClock } from "../../functions/testing/ports/fake-clock.ts";
import { MemoryBlobs } from "../../functions/testing/ports/memory-blobs.ts";
import { MemoryQueue } from "../../functions/testing/ports/memory-queue.ts";
import { MemoryStore } from "../../functions/testing/ports/memory-store.ts";
import { SequenceIds } from "../../functions/testing/ports/sequence-ids.ts";

export interface LocalOptions {
  readonly queues?: string[];
  /** Wraps the ports of the engine. */
  readonly around?: (ports: Ports) => Ports;
  /** Another engine whose ports it works with, as another release of its code does. */
  readonly on?: LocalEngine;
  /** The loop for messages that `turn` handles. */
  readonly loop?: WorkerLoop;
}

/** The real engine on ports in memory, driven by hand. Time passes only when a test lets it pass. */
export class LocalEngine {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly queue: MemoryQueue;
  readonly blobs: MemoryBlobs;
  readonly engine: Engine;
  readonly #tasks: readonly AnyTask[];
  readonly #config: Partial<EngineConfig>;
  readonly #loop: WorkerLoop;
  readonly #ids: SequenceIds;
  #processes = 0;
  /** Names of the queues that this engine receives from. */
  readonly queues: string[];

  constructor(
    tasks: Iterable<AnyTask>,
    config: Partial<EngineConfig> = {},
    {
      queues = ["engine", "local.default#worker"],
      around = (ports) => ports,
      on,
      loop = LocalEngine.loop,
    }: LocalOptions = {},
  ) {
    this.clock = on?.clock ?? new FakeClock();
    this.store = on?.store ?? new MemoryStore();
    this.queue = on?.queue ?? new MemoryQueue(this.clock);
    this.blobs = on?.blobs ?? new MemoryBlobs();
    this.#ids = on ? on.#ids : new SequenceIds();
    this.#loop = loop;
    const list = [...tasks];
    this.#tasks = list;
    this.#config = config;
    const registry: TaskRegistry = createRegistry(list);
    const runner: TaskRunner = createRunner(list);
    this.queues = queues;
    const ports = {
      store: this.store,
      queue: this.queue,
      blobs: this.blobs,
      clock: this.clock,
      ids: this.#ids,
      registry,
      runner,
    };
    this.engine = createEngine(around(ports), config);
  }

  /**
   * Returns another process, which is an engine with this one's tasks on the ports of `other`. `other` may be this
   * engine, or one of another release.
   */
  over({ store, queue, blobs, clock }: LocalEngine, around: (ports: Ports) => Ports = (ports) => ports): Engine {
    const ids = new SequenceIds(++this.#processes);
    const ports = {
      store,
      queue,
      blobs,
      clock,
      ids,
      registry: createRegistry(this.#tasks),
      runner: createRunner(this.#tasks),
    };
    return createEngine(around(ports), this.#config);
  }
  static readonly loop: WorkerLoop = {
    takeSlot: () => Promise.resolve({ release: () => undefined }),
    tryTakeSlot: () => ({ release: () => undefined }),
    hold: () => ({ ready: undefined, narrow: () => undefined, release: () => undefined }),
  };
  /** Handles all messages that are or become due until none is left. Time passes meanwhile. */
  async untilQuiet(limitSeconds = 3_600): Promise<void> {
    const end = this.clock.now() + limitSeconds * 1_000;
    while (this.clock.now() < end) {
      if (await this.turn()) continue;
      const next = await this.queue.nextVisibleAt(this.queues);
      if (next === undefined) return;
      this.clock.set(Math.max(next, this.clock.now() + 1));
    }
  }
  /** Handles one batch. Returns `false` when no message could be received. */
  async turn(): Promise<boolean> {
    const messages = await this.queue.receive(this.queues, 10, 30);
    const handled = messages.map(async (message) => {
      const handle = message.receives > MAX_RECEIVES ? "handleDeadLetter" : "handle";
      const disposition = await this.engine[handle](message, this.#loop);
      if (disposition.kind === "done") await this.queue.ack([message.id]);
      else await this.queue.later(message.id, disposition.delaySeconds);
    });
    await this.passing(Promise.all(handled));
    return messages.length > 0;
  }
  /** Lets time pass until `work` is done. Pauses inside the engine end as soon as no other work continues. */
  async passing<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const watched = work.finally(() => (over = true));
    // What has failed is thrown below, once nothing pauses any more.
    watched.catch(() => undefined);
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.clock.nextWake();
      if (!over && next !== undefined) this.clock.set(Math.max(next, this.clock.now()));
    }
    return watched;
  }
}
