import { afterEach, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../functions/embedded/lmdb/lmdb-store.ts";
import { storeWritable } from "../../../functions/embedded/lmdb/store-probe.ts";
import { type OpenFolder, openFolder } from "../../contract/lmdb-folder.ts";

let open: OpenFolder | undefined;
afterEach(() => open?.close());

describe("storeWritable", () => {
  it("an idle store is written once, and a recent commit spares the next write", async () => {
    const { environment, folder } = (open = openFolder());
    const { gatherer } = environment;
    expect(await storeWritable(environment, folder)).toEqual({ writable: true });
    const { transactions } = gatherer.stats();
    expect(transactions).toBeGreaterThan(0);
    expect(await storeWritable(environment, folder)).toEqual({ writable: true });
    expect(gatherer.stats().transactions).toBe(transactions);
  });

  it("a failed write is found although the last commit is recent, and so is the end of the failure", async () => {
    let broken = false;
    // The hook runs in every transaction, so it fails as a commit would.
    const { environment, folder } = (open = openFolder({
      ensureParent: () => {
        if (broken) throw new Error("No space left on device");
      },
    }));
    const write = () =>
      new LmdbStore(environment).write({
        op: "put",
        key: { table: "tasks", partition: "p", sort: "s" },
        attributes: {},
      });
    await write();
    broken = true;
    await expect(write()).rejects.toMatchObject({ name: "PortError" });
    expect(await storeWritable(environment, folder)).toEqual({
      writable: false,
      why: expect.stringContaining("No space left") as string,
    });
    broken = false;
    expect(await storeWritable(environment, folder)).toEqual({ writable: true });
  });

  it("a disk without room says so, although the database has free pages", async () => {
    const { environment, folder } = (open = openFolder());
    const { writable, ...why } = await storeWritable(environment, folder, Number.POSITIVE_INFINITY);
    expect([writable, why]).toEqual([false, { why: expect.stringContaining("KB left") as string }]);
  });
});
