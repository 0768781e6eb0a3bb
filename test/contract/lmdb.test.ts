import { join } from "node:path";
import { FileBlobs } from "../../functions/embedded/file-blobs.ts";
import { LmdbQueue } from "../../functions/embedded/lmdb-queue.ts";
import { LmdbStore } from "../../functions/embedded/lmdb-store.ts";
import { LocalBlobs } from "../../functions/embedded/local-blobs.ts";
import { blobsContract } from "./blobs-contract.ts";
import { openFolder } from "./lmdb-folder.ts";
import { queueContract } from "./queue-contract.ts";
import { storeContract } from "./store-contract.ts";

storeContract("lmdb", async () => {
  const { environment, close } = openFolder();
  return { store: new LmdbStore(environment), close };
});
storeContract("lmdb, durable against power cuts", async () => {
  const { environment, close } = openFolder({ durability: "power" });
  return { store: new LmdbStore(environment), close };
});
queueContract("lmdb", async (clock, holder) => {
  const { environment, close } = openFolder();
  return { queue: new LmdbQueue(environment, { clock, holder }), other: (name) => new LmdbQueue(environment, { clock, holder: name }), close };
});
blobsContract("lmdb and files", async () => {
  const { environment, folder, close } = openFolder();
  return { blobs: new LocalBlobs(environment, new FileBlobs(join(folder, "blobs"))), close };
});
blobsContract("files", async () => {
  const { folder, close } = openFolder();
  return { blobs: new FileBlobs(join(folder, "blobs")), close };
});
