import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { open } from "lmdb";
import { describe, expect, it } from "vitest";
import { readSavedState, savedFileOf } from "../../../functions/embedded/lmdb/flushed-state.ts";
import { DATABASE_FILE, LmdbEnvironment } from "../../../functions/embedded/lmdb/lmdb-environment.ts";
import { checkPages } from "../../../functions/embedded/lmdb/lmdb-pages.ts";
import { repairDatabase } from "../../../functions/embedded/lmdb/lmdb-repair.ts";
import { chord } from "../../../functions/sdk/index.ts";
import { seededRandom } from "../../sim/random.ts";
import { count, notedSlowly } from "../fixtures/tasks.ts";
import { atEnd, ended, linesOf, newFolder, startRuntimeProcess, startTestRuntime, workersOf } from "../harness.ts";
import { until } from "../until.ts";
import { churn, readChurned } from "./churn.ts";
import { cutPower, type PowerCut } from "./power-cut.ts";
import { READ_SOURCES } from "../../read-sources.ts";

const CHURNER = fileURLToPath(new URL("../fixtures/churner.ts", import.meta.url));
const DISK = new URL("../fixtures/disk.ts", import.meta.url).href;
const SOUND = { trees: [], free: [], disturbed: false };
const fileOf = (folder: string): string => join(folder, DATABASE_FILE);
const sequenceIn = (folder: string): number =>
  existsSync(savedFileOf(fileOf(folder))) ? (readSavedState(fileOf(folder))?.sequence ?? 0) : 0;

const KINDS = ["flushed", "written", "torn"] as const;
const FATES: readonly PowerCut["fate"][] = KINDS.map((kind) => () => kind);
/** Returns a fate for each page by a seed, with about equal numbers of the three kinds. */
function mixed(seed: number): PowerCut["fate"] {
  const random = seededRandom(seed);
  return () => random.pick(KINDS);
}

interface Churning {
  readonly folder: string;
  readonly disk: string;
  readonly parent: ChildProcess;
  readonly workers: readonly ChildProcess[];
  /** Returns the number of steps that had certainly been flushed at the last check. */
  flushedCount(): number;
}
/** Starts a parent and two workers that commit to one database all the time. */
async function startChurning(env: { readonly [name: string]: string } = {}): Promise<Churning> {
  const [folder, disk] = [newFolder(), newFolder()];
  const start = async (role: string): Promise<ChildProcess> => {
    const child = fork(CHURNER, [folder, role], {
      execArgv: [...READ_SOURCES, "--import", DISK],
      env: { ...process.env, FANFOLD_TEST_DISK: disk, ...env },
    });
    atEnd(async () => child.kill("SIGKILL"));
    await once(child, "message");
    return child;
  };
  // The processes open the database one after the other, while none commits.
  const processes = [await start("parent"), await start("worker"), await start("worker")] as const;
  const [parent, ...workers] = processes;
  let reported = 0;
  const reportedAt = new Map<number, number>();
  for (const each of processes) {
    each.on("message", (count) => {
      reported = Math.max(reported, Number(count));
      const sequence = sequenceIn(folder);
      if (!reportedAt.has(sequence)) reportedAt.set(sequence, reported);
    });
    each.send("go");
  }
  // A flush under way at the report may have missed these steps, and the last flush may not have ended.
  const flushedCount = (): number =>
    Math.max(
      0,
      ...[...reportedAt].filter(([sequence]) => sequence + 3 <= sequenceIn(folder)).map(([, count]) => count),
    );
  return { folder, disk, parent, workers, flushedCount };
}
async function kill(...processes: readonly ChildProcess[]): Promise<void> {
  const ends = processes.map((each) => once(each, "exit"));
  for (const each of processes) each.kill("SIGKILL");
  await Promise.all(ends);
}
/** Starts on the files that the cut left, commits more, and returns the number of steps found at the start. */
async function startAfterCut({ folder, disk }: Churning, fate: PowerCut["fate"]): Promise<number> {
  const left = newFolder();
  cutPower({ seen: folder, disk, left, fate });
  const log: string[] = [];
  await repairDatabase(left, (level, message) => log.push(`${level} ${message}`));
  expect(log).toEqual([expect.stringContaining("info the machine was started anew")]);
  expect(checkPages(fileOf(left))).toEqual(SOUND);
  const environment = new LmdbEnvironment({ folder: left });
  const found = readChurned(environment);
  expect(found).toBeTypeOf("number");
  for (let turn = 0; turn < 200; turn++) await churn(environment, 5);
  expect(readChurned(environment)).toBe(Number(found) + 1_000);
  await environment.close();
  expect(checkPages(fileOf(left))).toEqual(SOUND);
  return Number(found);
}

describe("a power cut", () => {
  it(
    "a power cut while several processes commit leads back to the last flushed state, whatever it does to unflushed pages",
    { timeout: 300_000 },
    async () => {
      for (const flushes of [6, 12]) {
        const churning = await startChurning();
        await until(`${flushes} flushes`, () => sequenceIn(churning.folder) >= flushes, 200_000);
        await kill(churning.parent, ...churning.workers);
        for (const fate of [...FATES, ...[1, 2, 3].map((seed) => mixed(flushes * 10 + seed))]) {
          expect(await startAfterCut(churning, fate)).toBeGreaterThanOrEqual(churning.flushedCount());
        }
        expect(churning.flushedCount()).toBeGreaterThan(0);
      }
    },
  );

  it(
    "after the disk fails the parent commits no more, and the state before the failure is whole",
    { timeout: 300_000 },
    async () => {
      const churning = await startChurning({ FANFOLD_TEST_FLUSHES: "21" });
      expect(await once(churning.parent, "exit")).toEqual([3, null]);
      await kill(...churning.workers);
      for (const fate of [...FATES, mixed(6)])
        expect(await startAfterCut(churning, fate)).toBeGreaterThanOrEqual(churning.flushedCount());
    },
  );

  it("commits of workers whose parent was killed do no harm to the flushed state", { timeout: 300_000 }, async () => {
    const churning = await startChurning();
    await until("some flushes", () => sequenceIn(churning.folder) >= 5, 200_000);
    await kill(churning.parent);
    const pages = statSync(fileOf(churning.folder)).size;
    await until(
      "the workers have written as much again",
      () => statSync(fileOf(churning.folder)).size > pages + 2_000_000,
      200_000,
    );
    await kill(...churning.workers);
    for (const fate of [...FATES, mixed(5)])
      expect(await startAfterCut(churning, fate)).toBeGreaterThanOrEqual(churning.flushedCount());
  });

  it("a start after a power cut can be repeated when a second power cut interrupts it", async () => {
    const [folder, again] = [newFolder(), newFolder()];
    const environment = new LmdbEnvironment({ folder });
    const steps = await churn(environment, 50);
    const before = sequenceIn(folder);
    await until("the flush", () => sequenceIn(folder) > before);
    for (let turn = 0; turn < 20; turn++) void churn(environment, 20);
    await churn(environment, 20);
    mkdirSync(again, { recursive: true });
    cutPower({ seen: folder, disk: folder, left: again, fate: () => "written" });
    await environment.close();
    const saved = savedFileOf(fileOf(again));
    copyFileSync(saved, `${saved}.kept`);
    for (let start = 0; start < 2; start++) {
      copyFileSync(`${saved}.kept`, saved);
      await repairDatabase(again, () => undefined);
      expect(existsSync(saved)).toBe(false);
    }
    const after = new LmdbEnvironment({ folder: again });
    expect(readChurned(after)).toBeGreaterThanOrEqual(steps);
    await after.close();
  });

  it("a power cut before the first saved state leaves a file without content, and the start makes a new database", async () => {
    for (const bytes of [0, 8_192]) {
      const folder = newFolder();
      writeFileSync(fileOf(folder), Buffer.alloc(bytes));
      await repairDatabase(folder, () => expect.unreachable());
      const environment = new LmdbEnvironment({ folder });
      expect(await churn(environment, 3)).toBe(3);
      await environment.close();
    }
  });

  it(
    "a job that a power cut interrupts is finished by the next start of the runtime",
    { timeout: 300_000 },
    async () => {
      const [dataFolder, disk, after] = [newFolder(), newFolder(), newFolder()];
      const file = join(dataFolder, "noted");
      const first = await startRuntimeProcess(dataFolder, {
        execArgv: ["--import", DISK],
        env: { FANFOLD_TEST_DISK: disk },
      });
      const submitted = new Promise<string>((resolve) =>
        first.child.once("message", (message) => resolve((message as { jobId: string }).jobId)),
      );
      first.child.send(
        chord(
          Array.from({ length: 200 }, () => notedSlowly.si(file, 20)),
          count.s(),
        ).canvas,
      );
      const jobId = await submitted;
      const database = join(dataFolder, "database");
      await until("some have run", () => linesOf(file).filter((line) => line.startsWith("end")).length > 60, 200_000);
      await first.kill();
      await until("the orphans have ended", () => workersOf(dataFolder).length === 0);
      cutPower({ seen: database, disk, left: join(after, "database"), fate: mixed(7) });
      copyFileSync(join(dataFolder, "epoch"), join(after, "epoch"));
      const { runtime } = await startTestRuntime({ dataFolder: after });
      expect(await ended(runtime, jobId, 200_000)).toMatchObject({ state: "success", value: 200 });
    },
  );
});

describe("the flushed state", () => {
  it("the flushed state follows the commits of all processes and is not written without a commit", async () => {
    const folder = newFolder();
    const environment = new LmdbEnvironment({ folder });
    for (let round = 0; round < 3; round++) {
      const before = sequenceIn(folder);
      await churn(environment, 10);
      await until("it is flushed", () => sequenceIn(folder) > before);
    }
    // One more flush may follow, for commits that the last one missed.
    await pause(200);
    const quiet = sequenceIn(folder);
    await pause(400);
    expect(sequenceIn(folder)).toBe(quiet);
    await environment.close();
  });

  it("a clean stop removes the saved state, and the database's own files are complete", async () => {
    const folder = newFolder();
    const environment = new LmdbEnvironment({ folder });
    await churn(environment, 10);
    expect(existsSync(savedFileOf(fileOf(folder)))).toBe(true);
    await environment.close();
    expect(readdirSync(folder).toSorted()).toEqual([DATABASE_FILE, `${DATABASE_FILE}-lock`]);
    const durable = new LmdbEnvironment({ folder, durability: "power" });
    expect(await churn(durable, 10)).toBe(20);
    expect(existsSync(savedFileOf(fileOf(folder)))).toBe(false);
    await durable.close();
  });

  it(
    "a kill of all processes undoes no commit, since the saved state is not used in the same boot",
    { timeout: 300_000 },
    async () => {
      const { folder, parent, workers } = await startChurning();
      let reported = 0;
      for (const each of [parent, ...workers])
        each.on("message", (count) => (reported = Math.max(reported, Number(count))));
      await until("some commits", () => reported > 500, 200_000);
      await kill(parent, ...workers);
      await repairDatabase(folder, () => expect.unreachable());
      const environment = new LmdbEnvironment({ folder });
      expect(readChurned(environment)).toBeGreaterThanOrEqual(reported);
      await environment.close();
    },
  );

  it("a read transaction of lmdb keeps its state until it is done, whatever is read and committed meanwhile", async () => {
    const root = open<string, string>(join(newFolder(), "some.lmdb"), {
      noSubdir: true,
      overlappingSync: false,
      noSync: true,
    });
    const commit = (value: number): void =>
      root.transactionSync(() => {
        root.putSync("key", `${value}`);
      }, 0x1 | 0x2);
    const begin = () => {
      root.resetReadTxn();
      return root.transactionSync(() => root.useReadTransaction(), 0x1 | 0x2);
    };
    for (let value = 0; value < 5; value++) {
      commit(value);
      const read = begin();
      for (let later = 0; later < 50; later++) {
        commit(100 + later);
        root.resetReadTxn();
        expect(root.get("key")).toBe(`${100 + later}`);
        expect(root.get("key", { transaction: read })).toBe(`${value}`);
        if (later % 10 === 0) await pause(1);
      }
      const oldest = (): number =>
        Math.min(...[...root.readerList().matchAll(/^ *\d+ +\w+ +(\d+)$/gm)].map((row) => Number(row[1])));
      const held = oldest();
      read.done();
      await pause(5);
      expect(oldest()).toBeGreaterThan(held);
    }
    await root.close();
  });

  it("a worker checks in each transaction that its parent lives, before it writes", async () => {
    const folder = newFolder();
    await new LmdbEnvironment({ folder }).close();
    let lives = true;
    const ensureParent = (): void => {
      if (!lives) throw new Error("the parent is dead");
    };
    const worker = new LmdbEnvironment({ folder, ensureParent });
    expect(await churn(worker, 3)).toBe(3);
    lives = false;
    await expect(churn(worker, 3)).rejects.toMatchObject({ kind: "outage" });
    expect(readChurned(worker)).toBe(3);
    expect(existsSync(savedFileOf(fileOf(folder)))).toBe(false);
    await worker.close();
  });

  it("a parent that exits without a stop ends its workers first", async () => {
    const dataFolder = newFolder();
    const { child } = await startRuntimeProcess(dataFolder);
    await until("two workers", () => workersOf(dataFolder).length === 2);
    const exited = once(child, "exit");
    child.send("exit");
    await exited;
    expect(workersOf(dataFolder)).toEqual([]);
  });
});
