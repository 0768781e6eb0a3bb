import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import { count, echo, large, notedSlowly } from "./fixtures/tasks.ts";
import { ended, linesOf, newFolder, run, startTestRuntime, submit } from "./harness.ts";
import { MAY_MOUNT, mountSmallDisk } from "./small-disk.ts";
import { until } from "./until.ts";

const MEGABYTE = 1_048_576;
const six = [1, 2, 3, 4, 5, 6];

describe.runIf(MAY_MOUNT)("a runtime on a full disk", { timeout: 120_000 }, () => {
  it("values that find no room are kept when there is some, and no code ran twice", async () => {
    const disk = mountSmallDisk(160);
    const file = join(newFolder(), "ran");
    const { runtime, log } = await startTestRuntime({ dataFolder: join(disk.folder, "data") });
    disk.fill(30 * MEGABYTE);
    const job = await submit(runtime, group(six.map(() => large.s(file, 9 * MEGABYTE))));
    await until("a value finds no room", () => log.some(({ level }) => level === "error"));
    expect(log.find(({ level }) => level === "error")?.fields).toMatchObject({
      code: "disk_full",
      reason: "ENOSPC",
      folder: expect.stringContaining(disk.folder) as string,
    });
    await expect(submit(runtime, echo.s(1))).rejects.toMatchObject({ code: "disk_full", retryable: true });
    disk.makeRoom();
    expect(await ended(runtime, job, 60_000)).toMatchObject({ state: "success", counts: { success: six.length } });
    expect(linesOf(file)).toHaveLength(six.length);
  });

  it("tasks that ran when the disk filled end well, without a second attempt, when there is room", async () => {
    const disk = mountSmallDisk(64);
    const file = join(newFolder(), "ran");
    const { runtime } = await startTestRuntime({ dataFolder: join(disk.folder, "data") });
    const job = await submit(runtime, group(six.map(() => notedSlowly.s(file, 1_000))));
    await until("all run", () => linesOf(file).length === six.length);
    disk.fill();
    await until("all have ended", () => linesOf(file).length === 2 * six.length);
    await until("its health says so", async () => !(await runtime.health()).store.writable);
    expect((await runtime.health()).store).toEqual({ writable: false, why: expect.stringMatching(/full.*ENOSPC/) });
    disk.makeRoom();
    expect(await ended(runtime, job, 60_000)).toMatchObject({ state: "success" });
    expect(linesOf(file)).toHaveLength(2 * six.length);
  });

  it("a submission that a full disk refused has left nothing, and one that it accepted runs", async () => {
    const disk = mountSmallDisk(64);
    const { runtime } = await startTestRuntime({ dataFolder: join(disk.folder, "data") });
    await run(runtime, echo.s(1));
    disk.fill();
    // Together they are more than what the database's own file has free.
    const argument = Array.from({ length: 200 }, (_, n) => `argument ${n}`);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => submit(runtime, count.s(argument)).catch((error: unknown) => error)),
    );
    const accepted = answers.filter((answer) => typeof answer === "string");
    expect(accepted.length).toBeLessThan(answers.length);
    disk.makeRoom();
    for (const jobId of accepted) expect(await ended(runtime, jobId, 60_000)).toMatchObject({ state: "success" });
    const { items } = await runtime.engine.jobs({ limit: 1_000 });
    expect(items).toHaveLength(accepted.length + 1);
  });

  it("a folder of blobs on another disk that becomes read-only stops the tasks until it can be written", async () => {
    const data = newFolder();
    const blobs = join(data, "blobs");
    mkdirSync(blobs);
    const disk = mountSmallDisk(64, blobs);
    const file = join(newFolder(), "ran");
    const { runtime } = await startTestRuntime({ dataFolder: data });
    disk.setReadOnly(true);
    const isWritable = async (): Promise<boolean> => (await runtime.health()).store.writable;
    await until("a look finds it", async () => !(await isWritable()));
    await expect(submit(runtime, echo.s(1))).rejects.toMatchObject({
      code: "data_folder_unusable",
      details: { folder: blobs, reason: "EROFS" },
    });
    disk.setReadOnly(false);
    await until("it can be written", isWritable);
    expect(await run(runtime, large.s(file, MEGABYTE))).toMatchObject({ state: "success" });
  });

  it("a start on a full or a read-only disk says which disk and why, and leaves no process", async () => {
    const disk = mountSmallDisk(20);
    const dataFolder = join(disk.folder, "data");
    disk.fill();
    await expect(startTestRuntime({ dataFolder })).rejects.toMatchObject({ code: "disk_full" });
    disk.makeRoom();
    disk.setReadOnly(true);
    const refused = { code: "data_folder_unusable", details: { reason: "EROFS" } };
    await expect(startTestRuntime({ dataFolder })).rejects.toMatchObject(refused);
    await expect(startTestRuntime({ dataFolder: join(disk.folder, "new") })).rejects.toMatchObject(refused);
    disk.setReadOnly(false);
    await startTestRuntime({ dataFolder });
  });
});

describe("a start", () => {
  it("a data folder that is a file, or inside of one, is refused with a code, and stays as it is", async () => {
    const file = join(newFolder(), "file");
    writeFileSync(file, "mine");
    for (const dataFolder of [file, join(file, "data")])
      await expect(startTestRuntime({ dataFolder })).rejects.toMatchObject({
        code: "data_folder_unusable",
        details: { folder: dataFolder },
      });
    expect(existsSync(file)).toBe(true);
  });
});
