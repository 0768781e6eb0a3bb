import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LmdbQueue } from "../../../functions/embedded/lmdb/lmdb-queue.ts";
import { LmdbStore } from "../../../functions/embedded/lmdb/lmdb-store.ts";
import type { Key, WriteOp } from "../../../functions/engine/ports.ts";
import { FakeClock } from "../../../functions/testing/ports/fake-clock.ts";
import { type OpenFolder, openFolder } from "../../contract/lmdb-folder.ts";

describe("gathering of commits", () => {
  let folder: OpenFolder;
  beforeEach(() => {
    folder = openFolder();
  });
  afterEach(async () => folder.close());
  const key = (sort: string): Key => ({ table: "tasks", partition: "p", sort });
  const put = (sort: string): WriteOp => ({ op: "put", key: key(sort), attributes: { sort } });

  it("operations of one turn of the event loop are one transaction, whatever code issued them", async () => {
    const { environment } = folder;
    const store = new LmdbStore(environment);
    const queue = new LmdbQueue(environment, { clock: new FakeClock(), holder: "me" });
    const follow = async (sort: string) => {
      await Promise.resolve();
      await store.write(put(sort));
    };
    // The first pass compiles the code, which would use up the time of a transaction.
    await Promise.all([
      store.writeMany(Array.from({ length: 100 }, () => put("x"))),
      queue.send([{ queue: "warm", jobId: "j", body: 1 }]),
    ]);
    const before = environment.gatherer.stats();
    await Promise.all([
      ...Array.from({ length: 100 }, (_, index) => store.write(put(`${index}`))),
      store.writeMany([put("x"), put("y")]),
      queue.send([{ queue: "q", jobId: "j", body: 1 }]),
      follow("a microtask later"),
    ]);
    const { transactions, operations } = environment.gatherer.stats();
    expect([transactions - before.transactions, operations - before.operations]).toEqual([1, 103]);
    expect((await store.query("tasks", "p")).items).toHaveLength(103);
  });

  it("an operation sees the effects of earlier ones in the same transaction", async () => {
    const store = new LmdbStore(folder.environment);
    const marks = Array.from({ length: 10 }, () =>
      store.write({ op: "update", key: key("n"), change: { add: { n: 1 } } }),
    );
    expect((await Promise.all(marks)).map(({ item }) => item?.attributes["n"])).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });

  it("an operation that throws fails alone and leaves no effect", async () => {
    const { gatherer, tasks } = folder.environment;
    const store = new LmdbStore(folder.environment);
    const results = await Promise.allSettled([
      store.write(put("before")),
      gatherer.run(() => {
        tasks.putSync("half", Buffer.from("done"));
        throw new Error("in the middle");
      }),
      store.write({ op: "update", key: key("before"), change: { add: { sort: 1 } } }),
      store.write(put("after")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { name: "PortError", kind: "outage" } });
    expect(results[2]).toMatchObject({ reason: { code: "internal" } });
    expect(tasks.get("half")).toBeUndefined();
    expect((await store.query("tasks", "p")).items.map((item) => item.key.sort)).toEqual(["after", "before"]);
  });

  it("many operations are split over transactions, so that other processes get the lock", async () => {
    const { gatherer } = folder.environment;
    const order: number[] = [];
    const wait = (index: number) => () => {
      for (const end = performance.now() + 30; performance.now() < end;);
      order.push(index);
    };
    await Promise.all([0, 1, 2].map((index) => gatherer.run(wait(index))));
    expect(order).toEqual([0, 1, 2]);
    expect(gatherer.stats().transactions).toBe(3);
  });

  it("closing an environment commits the pending operations", async () => {
    const store = new LmdbStore(folder.environment);
    const written = store.write(put("last"));
    await folder.close();
    expect((await written).applied).toBe(true);
    folder = openFolder();
  });

  it("receiving from an empty queue makes no transaction", async () => {
    const queue = new LmdbQueue(folder.environment, { clock: new FakeClock(), holder: "me" });
    await queue.receive(["q"], 10, 30);
    expect(folder.environment.gatherer.stats().transactions).toBe(0);
  });

  it("an emptied queue leaves no entry in its lines", async () => {
    const queue = new LmdbQueue(folder.environment, { clock: new FakeClock(), holder: "me" });
    for (const jobId of ["a", "b"])
      await queue.send(Array.from({ length: 30 }, (_, body) => ({ queue: "q", jobId, body })));
    for (let batch = await queue.receive(["q"], 7, 30); batch.length > 0; batch = await queue.receive(["q"], 7, 30))
      await queue.ack(batch.map(({ id }) => id));
    folder.environment.refresh();
    expect(folder.environment.lines.getKeysCount({ start: " ", end: "~" })).toBe(0);
    expect(folder.environment.messages.getKeysCount({ start: " ", end: "~" })).toBe(0);
  });

  it("a send reports each of its queues once", async () => {
    const reported: string[][] = [];
    const queue = new LmdbQueue(folder.environment, {
      clock: new FakeClock(),
      holder: "me",
      onSend: (queues) => reported.push([...queues]),
    });
    await queue.send(["q", "r", "q"].map((name) => ({ queue: name, jobId: "j", body: 1 })));
    expect(reported).toEqual([["q", "r"]]);
  });
});
