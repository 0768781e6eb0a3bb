import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobOwner } from "../../../functions/embedded/blobs/blob-owner.ts";
import { FileBlobs } from "../../../functions/embedded/blobs/file-blobs.ts";
import { LocalBlobs } from "../../../functions/embedded/blobs/local-blobs.ts";
import { Expirer } from "../../../functions/embedded/lmdb/expire.ts";
import { LmdbStore } from "../../../functions/embedded/lmdb/lmdb-store.ts";
import type { Key, Table } from "../../../functions/engine/ports.ts";
import { FakeClock } from "../../../functions/testing/ports/fake-clock.ts";
import { type OpenFolder, openFolder } from "../../contract/lmdb-folder.ts";

describe("expiry of items", () => {
  let folder: OpenFolder;
  let store: LmdbStore;
  let blobs: LocalBlobs;
  let expirer: Expirer;
  const clock = new FakeClock();
  const job = "01JD0000000000000000000000";
  const inHours = (hours: number) => Math.floor(clock.now() / 1_000) + hours * 3_600;
  const put = (partition: string, sort: string, ttl: number | undefined, table: Table = "tasks", more = {}) =>
    store.write({ op: "put", key: { table, partition, sort }, attributes: { ttl, ...more } });
  const expireAll = async () => {
    let removed = 0;
    for (let report = await expirer.run(); ; report = await expirer.run()) {
      removed += report.removed;
      if (!report.more) return removed;
    }
  };
  const sorts = async (partition: string, table: Table = "tasks") =>
    (await store.query(table, partition)).items.map((item) => item.key.sort);

  beforeEach(() => {
    folder = openFolder();
    store = new LmdbStore(folder.environment);
    blobs = new LocalBlobs(folder.environment, new FileBlobs(join(folder.folder, "blobs")));
    expirer = new Expirer(folder.environment, blobs, clock);
  });
  afterEach(async () => folder.close());

  it("expired items are removed within two hours, and no others", async () => {
    await put("a", "1", inHours(1));
    await put("a", "2", inHours(5));
    await put("a", "3", undefined);
    await put("b", "1", inHours(1), "callbacks");
    expect(await expireAll()).toBe(0);
    clock.advance(2 * 3_600_000);
    expect(await expireAll()).toBe(2);
    expect(await sorts("a")).toEqual(["2", "3"]);
    expect(await sorts("b", "callbacks")).toEqual([]);
    clock.advance(4 * 3_600_000);
    expect(await expireAll()).toBe(1);
    expect(await sorts("a")).toEqual(["3"]);
    expect(folder.environment.expiry.getKeysCount({ start: " ", end: "~" })).toBe(0);
  });

  it("an item with a later time to live stays until that time", async () => {
    await put("a", "1", inHours(1));
    await put("a", "1", inHours(10));
    clock.advance(3 * 3_600_000);
    expect(await expireAll()).toBe(0);
    clock.advance(9 * 3_600_000);
    expect(await expireAll()).toBe(1);
  });

  it("an item written after its partition expired is removed too", async () => {
    const ttl = inHours(1);
    await put("a", "1", ttl);
    clock.advance(3 * 3_600_000);
    await expireAll();
    await put("a", "orphan", ttl);
    expect(await expireAll()).toBe(1);
  });

  it("a large partition is expired in batches", async () => {
    const ops = Array.from({ length: 1_300 }, (_, index) => {
      return {
        op: "put",
        key: { table: "tasks", partition: "G#big#0", sort: `${index}` } as Key,
        attributes: { ttl: inHours(index % 2 === 0 ? 1 : 50) },
      } as const;
    });
    await store.writeMany(ops);
    clock.advance(3 * 3_600_000);
    expect((await expirer.run()).more).toBe(true);
    await expireAll();
    expect(await sorts("G#big#0")).toHaveLength(650);
  });

  it("index entries are removed with their items, even in partitions with a long name", async () => {
    const long = "p".repeat(1_000);
    await put(long, "!", inHours(1), "callbacks", { openShard: "0", nextCheck: 5 });
    await put("G#x", "!", inHours(1), "callbacks", { openShard: "0", nextCheck: 6 });
    clock.advance(3 * 3_600_000);
    expect(await expireAll()).toBe(2);
    expect((await store.queryIndex({ index: "open", partition: "0", upTo: 10, limit: 10 })).keys).toEqual([]);
  });

  it("the blobs of a job are removed with the job and not before it", async () => {
    const other = job.replace("D", "E");
    const names = [`${job}/plan/0`, `p/${job}/1`, `${job}.4~1/0/2`];
    for (const name of [...names, `${other}/plan/0`]) {
      await blobs.put(name, Buffer.from("small"));
      await blobs.put(`${name}-large`, Buffer.alloc(100_000));
    }
    await put(`G#${job}`, "!", inHours(10), "callbacks");
    await put(`G#${job}#0`, "C#000#0", inHours(1));
    clock.advance(3 * 3_600_000);
    await expireAll();
    expect(await blobs.get(names[0]!)).toBeDefined();
    clock.advance(10 * 3_600_000);
    await expireAll();
    for (const name of names)
      expect([await blobs.get(name), await blobs.get(`${name}-large`)]).toEqual([undefined, undefined]);
    expect(await blobs.get(`${other}/plan/0`)).toBeDefined();
    expect(await blobs.get(`${other}/plan/0-large`)).toBeDefined();
  });

  it("the blobs of an identity are removed with it", async () => {
    const identity = `~${"0a1b2c3d".repeat(5)}`;
    await blobs.put(`${identity}/value/${identity}.0/0/1`, Buffer.from("value"));
    await put(`G#${identity}`, "!", inHours(1), "callbacks");
    clock.advance(3 * 3_600_000);
    await expireAll();
    expect(await blobs.get(`${identity}/value/${identity}.0/0/1`)).toBeUndefined();
  });

  it("a blob belongs to the job whose id begins a part of its name", () => {
    expect(blobOwner(`${job}/plan/3`)).toBe(job);
    expect(blobOwner(`p/${job}/x`)).toBe(job);
    expect(blobOwner(`${job}.3.g.4~2/0/1`)).toBe(job);
    const identity = `~${"0a1b2c3d".repeat(5)}`;
    expect(blobOwner(`${identity}/value/${identity}.0/0/1`)).toBe(identity);
    expect(blobOwner("other/x")).toBe("other");
  });
});

describe("how long content is kept", () => {
  let folder: OpenFolder;
  let blobs: LocalBlobs;
  let files: FileBlobs;
  const clock = new FakeClock();
  const inHours = (hours: number) => Math.floor(clock.now() / 1_000) + hours * 3_600;
  const put = async (text: string, until: number) =>
    (
      await blobs.store(
        (async function* () {
          yield Buffer.from(text);
        })(),
        until,
      )
    ).sha256;
  const expire = async (hours: number) => {
    clock.advance(hours * 3_600_000);
    const expirer = new Expirer(folder.environment, blobs, clock);
    while ((await expirer.run()).more);
  };
  const namesOf = async () => {
    const names: string[] = [];
    for await (const each of files.contents.names()) names.push(...each);
    return names;
  };

  beforeEach(() => {
    folder = openFolder();
    files = new FileBlobs(join(folder.folder, "blobs"));
    blobs = new LocalBlobs(folder.environment, files);
  });
  afterEach(async () => folder.close());

  it("content is removed after its time, which is raised and never lowered", async () => {
    const [once, kept, again] = [await put("a", inHours(2)), await put("b", inHours(2)), await put("c", inHours(2))];
    await blobs.keep(kept, inHours(10));
    await blobs.keep(kept, inHours(1));
    await put("c", inHours(20));
    await expire(4);
    expect(await blobs.open(once)).toBeUndefined();
    expect((await namesOf()).toSorted()).toEqual([kept, again].toSorted());
    await expire(8);
    expect(await namesOf()).toEqual([again]);
    await expire(12);
    expect(await namesOf()).toEqual([]);
    expect([...folder.environment.tasks.getKeys({ start: " ", end: "~" })]).toEqual([]);
  });

  it("content that is kept or put while it expires is there afterwards, or was never said to be", async () => {
    for (let round = 0; round < 20; round++) {
      const sha256 = await put("contended", inHours(1));
      clock.advance(3 * 3_600_000);
      const until = inHours(5);
      const expirer = new Expirer(folder.environment, blobs, clock);
      const [, kept] = await Promise.all([
        expirer.run(),
        round % 2 === 0 ? blobs.keep(sha256, until) : put("contended", until).then(() => 9),
      ]);
      expect((await blobs.open(sha256))?.bytes).toBe(kept);
      await expire(8);
      expect(await namesOf()).toEqual([]);
    }
  });

  it("content without an item, as after a power cut, is kept for a week and then removed", async () => {
    const sha256 = await put("stray", inHours(1_000));
    await folder.environment.gatherer.run(() => {
      for (const key of folder.environment.tasks.getKeys({ start: " ", end: "~" }))
        folder.environment.tasks.removeSync(key);
    });
    await expire(1);
    expect(await namesOf()).toEqual([sha256]);
    await expire(8 * 24);
    expect(await namesOf()).toEqual([]);
  });

  it("a reader that has begun reads on when the content is removed", async () => {
    const sha256 = await put("x".repeat(600_000), inHours(1));
    const content = (await blobs.open(sha256))!.content[Symbol.asyncIterator]();
    let bytes = ((await content.next()).value as Uint8Array).byteLength;
    await expire(3);
    expect(await namesOf()).toEqual([]);
    for (let next = await content.next(); !next.done; next = await content.next()) bytes += next.value.byteLength;
    expect(bytes).toBe(600_000);
  });

  it("drafts of processes that died are removed at a start, or when a day has passed", async () => {
    const drafts = join(folder.folder, "blobs", "drafts");
    for (const name of ["dead-content-1", "live-content-1"]) writeFileSync(join(drafts, name), "half");
    const now = clock.now() / 1_000;
    utimesSync(join(drafts, "dead-content-1"), now, now - 90_000);
    utimesSync(join(drafts, "live-content-1"), now, now - 10);
    await expire(0);
    expect(readdirSync(drafts)).toEqual(["live-content-1"]);
    await files.removeDrafts();
    expect(readdirSync(drafts)).toEqual([]);
  });
});
