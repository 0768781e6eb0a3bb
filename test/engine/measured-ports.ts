import { attributesBytes, keyBytes } from "../../functions/core/items/item-size.ts";
import type { Blobs, Ports, Queue, Store, WriteOp, WriteResult } from "../../functions/engine/ports.ts";

/** Bytes of one sort of data that went through a port. */
class Sizes {
  count = 0;
  total = 0;
  largest = 0;

  add(bytes: number): void {
    this.count++;
    this.total += bytes;
    this.largest = Math.max(this.largest, bytes);
  }
}

/**
 * Ports that record the size of everything that is sent or written. Messages are measured as SQS carries them, and
 * items as DynamoDB counts them after each write.
 */
export class MeasuredPorts {
  readonly messages = new Sizes();
  readonly items = new Sizes();
  readonly blobs = new Sizes();

  readonly around = (ports: Ports): Ports => ({
    ...ports,
    store: this.#store(ports.store),
    queue: this.#queue(ports.queue),
    blobs: this.#blobs(ports.blobs),
  });

  #queue(queue: Queue): Queue {
    return {
      maxDelaySeconds: queue.maxDelaySeconds,
      depth: (name) => queue.depth(name),
      send: (messages) => {
        for (const { body } of messages) this.messages.add(Buffer.byteLength(JSON.stringify(body)));
        return queue.send(messages);
      },
    };
  }
  #store(store: Store): Store {
    return {
      get: (...given) => store.get(...given),
      getMany: (...given) => store.getMany(...given),
      query: (...given) => store.query(...given),
      queryIndex: (...given) => store.queryIndex(...given),
      write: async (op) => this.#noted(op, await store.write(op)),
      writeMany: async (ops) => (await store.writeMany(ops)).map((result, k) => this.#noted(ops[k] as WriteOp, result)),
    };
  }
  #blobs(blobs: Blobs): Blobs {
    return {
      get: (name) => blobs.get(name),
      store: (...given) => blobs.store(...given),
      keep: (...given) => blobs.keep(...given),
      open: (sha256) => blobs.open(sha256),
      put: (name, content) => {
        this.blobs.add(content.byteLength);
        return blobs.put(name, content);
      },
    };
  }

  #noted({ key }: WriteOp, result: WriteResult): WriteResult {
    if (result.applied && result.item !== undefined)
      this.items.add(keyBytes(key.partition, key.sort) + attributesBytes(result.item.attributes));
    return result;
  }
}
