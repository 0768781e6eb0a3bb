import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LmdbEnvironment } from "../../../functions/embedded/lmdb/lmdb-environment.ts";
import { checkPages } from "../../../functions/embedded/lmdb/lmdb-pages.ts";
import { repairDatabase } from "../../../functions/embedded/lmdb/lmdb-repair.ts";
import { echo } from "../fixtures/tasks.ts";
import { newFolder, run, startTestRuntime } from "../harness.ts";

const ENTRIES = 3_000;
const WORD = 8;
const valueOf = (at: number): Buffer => Buffer.alloc(at % 50 === 0 ? 9_000 : 40 + (at % 100), `${at}`);
const keyOf = (at: number): string => `k${String(at).padStart(6, "0")}`;

/** Makes a folder with entries, some of them on overflow pages, and a list of free pages. */
async function filledFolder(): Promise<string> {
  const folder = newFolder();
  const environment = new LmdbEnvironment({ folder });
  const { tasks, callbacks, gatherer } = environment;
  await gatherer.run(() => {
    for (let at = 0; at < ENTRIES; at++) tasks.putSync(keyOf(at), valueOf(at));
    callbacks.putSync("alone", valueOf(1));
  });
  for (let from = 0; from < ENTRIES; from += 300) {
    await gatherer.run(() => {
      for (let at = from; at < from + 300; at += 3) tasks.removeSync(keyOf(at));
    });
  }
  await environment.close();
  return folder;
}
const fileOf = (folder: string): string => join(folder, "state.lmdb");

/**
 * Returns the offsets of the lists of free pages, which lie on the root leaf of their tree in the newest state. Each
 * begins with its number of words, and page numbers follow.
 */
function freeLists(bytes: Buffer): number[] {
  const meta = [0, 4_096].toSorted((a, b) =>
    Number(bytes.readBigUInt64LE(b + 152) - bytes.readBigUInt64LE(a + 152)),
  )[0] as number;
  const page = Number(bytes.readBigUInt64LE(meta + 88)) * 4_096;
  const nodes = bytes.readUInt16LE(page + 20) >> 1;
  return Array.from({ length: nodes }, (_, node) => page + 24 + bytes.readUInt16LE(page + 24 + 2 * node) + 16);
}
/** Changes the bytes of the database's file. */
function damage(folder: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(fileOf(folder));
  change(bytes);
  writeFileSync(fileOf(folder), bytes);
}
/** Lists a free page twice in the newest list, as was once found after a kill. */
function listTwice(bytes: Buffer): void {
  const at = freeLists(bytes).at(-1) as number;
  bytes.copy(bytes, at + 2 * WORD, at + WORD, at + 2 * WORD);
}
async function entriesOf(folder: string): Promise<Map<string, Buffer>> {
  const environment = new LmdbEnvironment({ folder });
  const entries = new Map(
    [...environment.tasks.getRange({ start: " " })].map(({ key, value }) => [key, Buffer.from(value)]),
  );
  await environment.close();
  return entries;
}
const commit = async (folder: string): Promise<void> => {
  const environment = new LmdbEnvironment({ folder });
  try {
    for (let at = 0; at < 20; at++)
      await environment.gatherer.run(() => environment.tasks.putSync(`new${at}`, valueOf(at)));
  } finally {
    await environment.close();
  }
};

describe("the repair of the database", () => {
  it("the repair finds no problem in a sound file and does not change it", async () => {
    const folder = await filledFolder();
    expect(checkPages(fileOf(folder))).toEqual({ trees: [], free: [], disturbed: false });
    const before = readFileSync(fileOf(folder));
    await repairDatabase(folder, () => expect.unreachable());
    expect(readFileSync(fileOf(folder)).equals(before)).toBe(true);
  });

  it("a file with a damaged list of free pages is rebuilt with every entry", async () => {
    const folder = await filledFolder();
    damage(folder, listTwice);
    // Without the repair the file must refuse commits, or this would test nothing.
    const stuck = newFolder();
    copyFileSync(fileOf(folder), fileOf(stuck));
    await expect(commit(stuck)).rejects.toMatchObject({ name: "PortError" });

    const log: string[] = [];
    await repairDatabase(folder, (level, message) => log.push(`${level} ${message}`));
    expect(log).toEqual([expect.stringContaining("warn the database's list of free pages was damaged")]);
    expect(checkPages(fileOf(folder))).toEqual({ trees: [], free: [], disturbed: false });
    expect(readdirSync(folder).filter((name) => name !== "state.lmdb")).toEqual([]);
    const entries = await entriesOf(folder);
    const kept = Array.from({ length: ENTRIES }, (_, at) => at).filter((at) => at % 3 !== 0);
    expect([...entries.keys()]).toEqual(kept.map(keyOf));
    for (const at of kept) expect(entries.get(keyOf(at))?.equals(valueOf(at))).toBe(true);
    await commit(folder);
    expect(checkPages(fileOf(folder))).toMatchObject({ trees: [], free: [] });
  });

  it("the check finds a free page that is in use, which LMDB would overwrite", async () => {
    const folder = await filledFolder();
    damage(folder, (bytes) => {
      const root = bytes.readBigUInt64LE(freeLists(bytes)[0] as number);
      expect(root).toBeGreaterThan(0n);
      const main = [0, 4_096].toSorted((a, b) =>
        Number(bytes.readBigUInt64LE(b + 152) - bytes.readBigUInt64LE(a + 152)),
      )[0] as number;
      bytes.copy(bytes, (freeLists(bytes).at(-1) as number) + WORD, main + 136, main + 136 + WORD);
    });
    expect(checkPages(fileOf(folder)).free).toEqual([expect.stringContaining("is free and used")]);
  });

  it("a file with damaged entries is refused and not changed", async () => {
    const folder = await filledFolder();
    damage(folder, (bytes) => {
      const leaf = bytes.indexOf(Buffer.from(keyOf(ENTRIES - 1)));
      expect(leaf).toBeGreaterThan(0);
      // Every copy of the last leaf loses its last entry.
      for (let at = 2 * 4_096; at < bytes.length; at += 4_096) {
        if (bytes.readUInt16LE(at + 18) === 2 && bytes.subarray(at, at + 4_096).includes(keyOf(ENTRIES - 1)))
          bytes.writeUInt16LE(bytes.readUInt16LE(at + 20) - 2, at + 20);
      }
    });
    const before = readFileSync(fileOf(folder));
    await expect(repairDatabase(folder, () => undefined)).rejects.toMatchObject({
      code: "data_folder_damaged",
      details: { folder },
    });
    expect(readFileSync(fileOf(folder)).equals(before)).toBe(true);
  });

  it("the start of a runtime repairs the database and then works", async () => {
    const dataFolder = newFolder();
    mkdirSync(join(dataFolder, "database"));
    const filled = await filledFolder();
    damage(filled, listTwice);
    copyFileSync(fileOf(filled), fileOf(join(dataFolder, "database")));
    const { runtime, log } = await startTestRuntime({ dataFolder, workers: 1 });
    expect(log.map(({ message }) => message)).toEqual([expect.stringContaining("the file was rebuilt")]);
    expect(await run(runtime, echo.s(7))).toMatchObject({ state: "success", value: 7 });
    expect(existsSync(join(dataFolder, "database", "rebuilt"))).toBe(false);
  });
});
