import type {
  Blobs,
  Item,
  OutgoingMessage,
  Ports,
  Queue,
  Store,
  WriteOp,
  WriteResult,
} from "../../functions/engine/ports.ts";

/** A write that was applied, with the item after it, or a message that was accepted. */
export type Happened = { readonly round: number } & ({ readonly item: Item } | { readonly message: OutgoingMessage });

/**
 * Ports through which every write, stored blob and send takes one round, and reads take no time. A round ends for all
 * calls in it when no work can continue without its end. So the number of rounds between two calls is the number of
 * writes and sends that waited for each other.
 */
export class Rounds {
  readonly log: Happened[] = [];
  #round = 0;
  #end: Promise<void> | undefined;

  /** The current round. */
  get round(): number {
    return this.#round;
  }
  readonly around = (ports: Ports): Ports => ({
    ...ports,
    store: this.#store(ports.store),
    queue: this.#queue(ports.queue),
    blobs: this.#blobs(ports.blobs),
  });

  /** Resolves at the end of the current round, with its number. */
  async #over(): Promise<number> {
    const round = this.#round;
    // Node runs this queue when no promise is left that could continue.
    this.#end ??= new Promise((resolve) => {
      process.nextTick(() => {
        this.#round++;
        this.#end = undefined;
        resolve();
      });
    });
    await this.#end;
    return round;
  }
  #store(store: Store): Store {
    const writeMany = async (ops: readonly WriteOp[]): Promise<readonly WriteResult[]> => {
      const round = await this.#over();
      const results = await store.writeMany(ops);
      for (const { applied, item } of results) if (applied && item) this.log.push({ round, item });
      return results;
    };
    return {
      get: (...given) => store.get(...given),
      getMany: (...given) => store.getMany(...given),
      query: (...given) => store.query(...given),
      queryIndex: (...given) => store.queryIndex(...given),
      write: async (op) => (await writeMany([op]))[0] as WriteResult,
      writeMany,
    };
  }
  #queue(queue: Queue): Queue {
    return {
      maxDelaySeconds: queue.maxDelaySeconds,
      depth: (name) => queue.depth(name),
      send: async (messages) => {
        const round = await this.#over();
        await queue.send(messages);
        for (const message of messages) this.log.push({ round, message });
      },
    };
  }
  #blobs(blobs: Blobs): Blobs {
    return {
      get: (name) => blobs.get(name),
      store: (...given) => blobs.store(...given),
      keep: (...given) => blobs.keep(...given),
      open: (sha256) => blobs.open(sha256),
      put: async (name, content) => {
        await this.#over();
        await blobs.put(name, content);
      },
    };
  }
}
