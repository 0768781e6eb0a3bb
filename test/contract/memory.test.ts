import { MemoryBlobs } from "../../functions/testing/ports/memory-blobs.ts";
import { MemoryQueue } from "../../functions/testing/ports/memory-queue.ts";
import { MemoryStore } from "../../functions/testing/ports/memory-store.ts";
import { blobsContract } from "./blobs-contract.ts";
import { queueContract } from "./queue-contract.ts";
import { storeContract } from "./store-contract.ts";

storeContract("memory", async () => ({ store: new MemoryStore() }));
queueContract("memory", async (clock, holder) => {
  const queue = new MemoryQueue(clock, holder);
  return { queue, other: (name) => queue.as(name) };
});
blobsContract("memory", async () => ({ blobs: new MemoryBlobs() }));
