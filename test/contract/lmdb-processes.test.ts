import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LmdbEnvironment } from "../../functions/embedded/lmdb/lmdb-environment.ts";
import { LmdbQueue } from "../../functions/embedded/lmdb/lmdb-queue.ts";
import { LmdbStore } from "../../functions/embedded/lmdb/lmdb-store.ts";
import { SystemClock } from "../../functions/host/system-clock.ts";
import { type OpenFolder, openFolder } from "./lmdb-folder.ts";
import { READ_SOURCES } from "../read-sources.ts";

interface Report {
  readonly mark: string;
  readonly won: boolean;
}
interface Writer {
  readonly process: ChildProcess;
  readonly reports: Report[];
  readonly ended: Promise<unknown>;
}
const MARKS = 1_600;

describe("several processes on one folder", () => {
  let folder: OpenFolder;
  beforeEach(() => {
    folder = openFolder();
  });
  afterEach(async () => folder.close());

  async function startWriter(name: string): Promise<Writer> {
    const child = fork(join(import.meta.dirname, "lmdb-writer.ts"), [folder.folder, name, `${MARKS}`], {
      execArgv: READ_SOURCES,
    });
    const reports: Report[] = [];
    const ready = once(child, "message");
    child.on("message", (message) => Array.isArray(message) && reports.push(...(message as Report[])));
    const ended = once(child, "exit");
    await ready;
    return { process: child, reports, ended };
  }

  it("a process that is killed while it writes loses no acknowledged write and leaves none half done", async () => {
    const [survivor, victim] = await Promise.all([startWriter("survivor"), startWriter("victim")]);
    // A reader in this process sees counts and marks agree at all times.
    const store = new LmdbStore(folder.environment);
    survivor.process.send("go");
    victim.process.send("go");
    while (victim.reports.length < MARKS / 4) {
      await once(victim.process, "message");
      await expectWhole(store);
    }
    victim.process.kill("SIGKILL");
    await Promise.all([survivor.ended, victim.ended]);
    expect(survivor.reports).toHaveLength(MARKS);
    expect(victim.reports.length).toBeLessThan(MARKS);

    await folder.environment.close();
    const environment = new LmdbEnvironment({ folder: folder.folder });
    const { folder: path } = folder;
    const close = async (): Promise<void> => {
      await environment.close();
      rmSync(path, { recursive: true, force: true });
    };
    folder = { folder: path, environment, close };
    const reopened = new LmdbStore(environment);
    const marks = await expectWhole(reopened);
    for (const { mark } of [...survivor.reports, ...victim.reports]) expect(marks.has(mark)).toBe(true);

    // Every claim has one owner, which is the writer that was told so.
    const owners = new Map<string, unknown>();
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = await reopened.query("tasks", "claims", cursor === undefined ? {} : { cursor });
      for (const item of page.items) owners.set(item.key.sort, item.attributes["owner"]);
      cursor = page.cursor;
    }
    expect(owners.size).toBe(MARKS);
    for (const { mark, won } of [...survivor.reports, ...victim.reports]) {
      const [name, number = ""] = mark.split("-");
      expect(owners.get(number) === name).toBe(won);
    }

    // The message of each reported claim is there, and none is there twice.
    const queue = new LmdbQueue(environment, { clock: new SystemClock(), holder: "test" });
    const bodies = (await queue.receive(["won"], MARKS * 2, 30)).map(({ body }) => body);
    expect(new Set(bodies).size).toBe(bodies.length);
    const wins = [...survivor.reports, ...victim.reports].filter(({ won }) => won);
    expect(wins.filter(({ mark }) => !bodies.includes(Number(mark.split("-")[1])))).toEqual([]);
  });

  it("another process sees a write as soon as its promise has resolved", async () => {
    const writer = await startWriter("writer");
    const store = new LmdbStore(folder.environment);
    const seen: boolean[] = [];
    writer.process.on("message", (message) => {
      if (!Array.isArray(message)) return;
      // The read is in the same turn as the message, so an older snapshot would not have these marks.
      for (const { mark } of message as Report[]) {
        const ledger = Number(mark.split("-")[1]) % 8;
        void store.get({ table: "callbacks", partition: `L#${ledger}`, sort: "!" }).then((item) => {
          const marks = item?.attributes["marks"] as ReadonlySet<string> | undefined;
          seen.push(marks?.has(mark) === true);
        });
      }
    });
    // Reads in every turn keep a snapshot open all the time.
    const reading = setInterval(() => void store.get({ table: "callbacks", partition: "L#0", sort: "!" }), 0);
    writer.process.send("go");
    await writer.ended;
    clearInterval(reading);
    expect(seen).toHaveLength(MARKS);
    expect(seen.every(Boolean)).toBe(true);
  });
});

async function expectWhole(store: LmdbStore): Promise<Set<string>> {
  const all = new Set<string>();
  const ledgers = await store.getMany(
    Array.from({ length: 8 }, (_, ledger) => ({ table: "callbacks", partition: `L#${ledger}`, sort: "!" })),
  );
  for (const ledger of ledgers) {
    const marks = (ledger?.attributes["marks"] ?? new Set()) as ReadonlySet<string>;
    expect(ledger?.attributes["count"] ?? 0).toBe(marks.size);
    for (const mark of marks) all.add(mark);
  }
  return all;
}
