import { join } from "node:path";
import { FileBlobs } from "../../functions/embedded/blobs/file-blobs.ts";
import { LocalBlobs } from "../../functions/embedded/blobs/local-blobs.ts";
import { LmdbQueue } from "../../functions/embedded/lmdb/lmdb-queue.ts";
import { LmdbStore } from "../../functions/embedded/lmdb/lmdb-store.ts";
import { blobsContract, namedBlobsContract } from "./blobs-contract.ts";
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
  return {
    queue: new LmdbQueue(environment, { clock, holder }),
    other: (name) => new LmdbQueue(environment, { clock, holder: name }),
    close,
  };
});
blobsContract("lmdb and files", async () => {
  const { environment, folder, close } = openFolder();
  return { blobs: new LocalBlobs(environment, new FileBlobs(join(folder, "blobs"))), close };
});
namedBlobsContract("files", async () => {
  const { folder, close } = openFolder();
  return { blobs: new FileBlobs(join(folder, "blobs")), close };
});
