import { mkdirSync, truncateSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileBlobs } from "../../../functions/embedded/blobs/file-blobs.ts";
import { readSavedState, savedFileOf } from "../../../functions/embedded/lmdb/flushed-state.ts";
import { DATABASE_FILE, LmdbEnvironment } from "../../../functions/embedded/lmdb/lmdb-environment.ts";
import { LmdbStore } from "../../../functions/embedded/lmdb/lmdb-store.ts";
import type { FanfoldError } from "../../../functions/core/errors.ts";
import type { PutOp } from "../../../functions/engine/ports.ts";
import { atEnd } from "../harness.ts";
import { MAY_MOUNT, mountSmallDisk } from "../small-disk.ts";
import { until } from "../until.ts";

const put = (sort: string, characters: number): PutOp => ({
  op: "put",
  key: { table: "tasks", partition: "p", sort },
  attributes: { text: "x".repeat(characters) },
});
function opened() {
  const disk = mountSmallDisk(4);
  const problems: FanfoldError[] = [];
  const folder = join(disk.folder, "database");
  mkdirSync(folder);
  const environment = new LmdbEnvironment({ folder, onUnwritable: (problem) => problems.push(problem) });
  atEnd(() => environment.close());
  return { disk, problems, folder, environment, store: new LmdbStore(environment) };
}

describe.runIf(MAY_MOUNT)("a database on a full disk", () => {
  it("a commit that finds no room applies nothing, names the disk, and succeeds later", async () => {
    const { disk, problems, folder, store } = opened();
    disk.fill(200_000);
    // The last bytes that are free take a part of the write, which LMDB calls another error.
    const ops = [put("a", 150_000), put("b", 150_000)];
    for (let times = 0; times < 2; times++)
      await expect(store.writeMany(ops)).rejects.toMatchObject({ kind: "unwritable", cause: { code: "disk_full" } });
    expect((await store.query("tasks", "p")).items).toEqual([]);
    expect(problems[0]?.details).toEqual({ folder, reason: "ENOSPC" });
    disk.makeRoom();
    await store.writeMany(ops);
    expect((await store.query("tasks", "p")).items).toHaveLength(2);
  });

  it("a flushed state that cannot be saved for want of room is saved later, and commits go on", async () => {
    const { disk, folder, store } = opened();
    const database = join(folder, DATABASE_FILE);
    await store.write(put("a", 10));
    // A disk that copies on write needs room even where the file is.
    truncateSync(savedFileOf(database), 0);
    disk.fill();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(readSavedState(database)).toBeUndefined();
    disk.makeRoom();
    await until("the state is saved", () => readSavedState(database) !== undefined);
    await store.write(put("b", 10));
  });

  it("a blob that finds no room is not there, names the disk, and leaves no draft", async () => {
    const { disk, problems } = opened();
    const folder = join(disk.folder, "blobs");
    const blobs = new FileBlobs(folder, (problem) => problems.push(problem));
    disk.fill();
    const content = Buffer.alloc(1_000_000);
    await expect(blobs.put("job/value", content)).rejects.toMatchObject({ kind: "unwritable" });
    expect(problems[0]).toMatchObject({ code: "disk_full", details: { folder } });
    expect(await blobs.get("job/value")).toBeUndefined();
    disk.makeRoom();
    for (let times = 0; times < 2; times++) await blobs.put("job/value", content);
    expect((await blobs.get("job/value"))?.length).toBe(content.length);
  });

  it("content that finds no room ends its stream, names the disk, and leaves neither draft nor file", async () => {
    const { disk, problems } = opened();
    const folder = join(disk.folder, "blobs");
    const { contents } = new FileBlobs(folder, (problem) => problems.push(problem));
    disk.fill();
    let pieces = 0;
    let closed = false;
    const content = (async function* () {
      try {
        for (; pieces < 100; pieces++) yield Buffer.alloc(1_000_000, pieces);
      } finally {
        closed = true;
      }
    })();
    await expect(contents.write(content)).rejects.toMatchObject({ kind: "unwritable", cause: { code: "disk_full" } });
    expect(problems[0]).toMatchObject({ code: "disk_full", details: { folder } });
    expect([pieces < 100, closed, readdirSync(join(folder, "drafts"))]).toEqual([true, true, []]);
    expect(readdirSync(folder)).toEqual(["drafts"]);
  });
});
