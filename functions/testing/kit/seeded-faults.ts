import { PortError, type Ports, type WriteOp } from "../../engine/ports.ts";

/** How often something goes wrong, each from 0 (never, the default) to 1. The same seed gives the same faults. */
export interface Faults {
  readonly seed: number;
  /** Share of messages that arrive once more after they were handled. */
  readonly redeliver?: number;
  /** Share of writes right after which the process dies. What it had written stays, and nobody is told. */
  readonly crash?: number;
  /** Share of calls of the store and the queue that are refused. */
  readonly throttle?: number;
}

/** Returns numbers from 0 to 1 that depend on the seed only. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The faults between one process and its ports. */
export class SeededFaults {
  /** Resolves when the process has died. */
  readonly died: Promise<void>;
  isDead = false;
  readonly #faults: Faults;
  readonly #random: () => number;
  #die = (): void => undefined;

  constructor(faults: Faults, random: () => number) {
    this.#faults = faults;
    this.#random = random;
    this.died = new Promise((resolve) => (this.#die = resolve));
  }

  readonly around = (ports: Ports): Ports => {
    const { store, queue, blobs } = ports;
    return {
      ...ports,
      store: {
        get: (...given) => this.#call(() => store.get(...given)),
        getMany: (...given) => this.#call(() => store.getMany(...given)),
        query: (...given) => this.#call(() => store.query(...given)),
        queryIndex: (...given) => this.#call(() => store.queryIndex(...given)),
        write: (op: WriteOp) => this.#call(() => store.write(op), true),
        writeMany: (ops: readonly WriteOp[]) => this.#call(() => store.writeMany(ops), true),
      },
      queue: {
        maxDelaySeconds: queue.maxDelaySeconds,
        depth: (name) => queue.depth(name),
        send: (messages) => this.#call(() => queue.send(messages), true),
      },
      blobs: {
        get: (name) => this.#call(() => blobs.get(name)),
        put: (name, content) => this.#call(() => blobs.put(name, content), true),
        store: (...given) => this.#call(() => blobs.store(...given), true),
        keep: (...given) => this.#call(() => blobs.keep(...given), true),
        open: (sha256) => this.#call(() => blobs.open(sha256)),
      },
    };
  };
  /** A dead process is told nothing, so no `finally` of it runs. */
  async #call<T>(perform: () => Promise<T>, writes = false): Promise<T> {
    if (this.isDead) return never();
    if (this.#happens(this.#faults.throttle)) throw new PortError("throttled", "the test's faults refuse this call");
    const result = await perform();
    if (writes && this.#happens(this.#faults.crash)) {
      this.isDead = true;
      this.#die();
    }
    return this.isDead ? never() : result;
  }
  #happens(share = 0): boolean {
    return share > 0 && this.#random() < share;
  }
}
function never(): Promise<never> {
  return new Promise(() => undefined);
}
