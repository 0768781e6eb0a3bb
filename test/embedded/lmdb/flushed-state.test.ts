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

const CHURNER = fileURLToPath(new URL("../fixtures/churner.ts", import.meta.url));
const DISK = new URL("../fixtures/disk.ts", import.meta.url).href;
const SOUND = { trees: [], free: [], disturbed: false };
const fileOf = (folder: string): string => join(folder, DATABASE_FILE);
const sequenceIn = (folder: string): number => (existsSync(savedFileOf(fileOf(folder))) ? (readSavedState(fileOf(folder))?.sequence ?? 0) : 0);

const KINDS = ["flushed", "written", "torn"] as const;
const FATES: readonly PowerCut["fate"][] = KINDS.map((kind) => () => kind);
/** Of pages, as seeded: about as many of each. */
function mixed(seed: number): PowerCut["fate"] {
  const random = seededRandom(seed);
  return () => random.pick(KINDS);
}

interface Churning {
  readonly folder: string;
  readonly disk: string;
  readonly parent: ChildProcess;
  readonly workers: readonly ChildProcess[];
  /** What had certainly been flushed when it was last looked. */
  flushedCount(): number;
}
/** A parent and two workers that commit to one database all the time. */
async function startChurning(env: { readonly [name: string]: string } = {}): Promise<Churning> {
  const [folder, disk] = [newFolder(), newFolder()];
  const start = async (role: string): Promise<ChildProcess> => {
    const child = fork(CHURNER, [folder, role], { execArgv: ["--import", "tsx", "--import", DISK], env: { ...process.env, FANFOLD_TEST_DISK: disk, ...env } });
    atEnd(async () => child.kill("SIGKILL"));
    await once(child, "message");
    return child;
  };
  // They open one after the other, while nobody commits.
  const processes = [await start("parent"), await start("worker"), await start("worker")] as const;
  const [parent, ...workers] = processes;
  let told = 0;
  const toldAt = new Map<number, number>();
  for (const each of processes) {
    each.on("message", (count) => {
      told = Math.max(told, Number(count));
      const sequence = sequenceIn(folder);
      if (!toldAt.has(sequence)) toldAt.set(sequence, told);
    });
    each.send("go");
  }
  // A flush that had begun when the word came may have missed it, and the last one may not have come to its end.
  const flushedCount = (): number => Math.max(0, ...[...toldAt].filter(([sequence]) => sequence + 3 <= sequenceIn(folder)).map(([, count]) => count));
  return { folder, disk, parent, workers, flushedCount };
}
async function kill(...processes: readonly ChildProcess[]): Promise<void> {
  const ends = processes.map((each) => once(each, "exit"));
  for (const each of processes) each.kill("SIGKILL");
  await Promise.all(ends);
}
/** Starts on what the cut left, goes on, and gives the number of steps that were there. */
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
  it("while several processes commit leads back to the last flushed state, whatever it does to all that was not flushed", { timeout: 300_000 }, async () => {
    for (const flushes of [6, 12]) {
      const churning = await startChurning();
      await until("so many flushes", () => sequenceIn(churning.folder) >= flushes, 200_000);
      await kill(churning.parent, ...churning.workers);
      for (const fate of [...FATES, ...[1, 2, 3].map((seed) => mixed(flushes * 10 + seed))]) {
        expect(await startAfterCut(churning, fate)).toBeGreaterThanOrEqual(churning.flushedCount());
      }
      expect(churning.flushedCount()).toBeGreaterThan(0);
    }
  });

  it("after the disk failed: the parent commits nothing more, and the state before the failure is whole", { timeout: 300_000 }, async () => {
    const churning = await startChurning({ FANFOLD_TEST_FLUSHES: "21" });
    expect(await once(churning.parent, "exit")).toEqual([3, null]);
    await kill(...churning.workers);
    for (const fate of [...FATES, mixed(6)]) expect(await startAfterCut(churning, fate)).toBeGreaterThanOrEqual(churning.flushedCount());
  });

  it("after the parent alone was killed: what its workers still commit does no harm to the flushed state", { timeout: 300_000 }, async () => {
    const churning = await startChurning();
    await until("some flushes", () => sequenceIn(churning.folder) >= 5, 200_000);
    await kill(churning.parent);
    const pages = statSync(fileOf(churning.folder)).size;
    await until("the workers have written as much again", () => statSync(fileOf(churning.folder)).size > pages + 2_000_000, 200_000);
    await kill(...churning.workers);
    for (const fate of [...FATES, mixed(5)]) expect(await startAfterCut(churning, fate)).toBeGreaterThanOrEqual(churning.flushedCount());
  });

  it("during the start after a power cut changes nothing: the next start does it again", async () => {
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

  it("before anything was saved leaves a name, perhaps with zeros: the start begins anew", async () => {
    for (const bytes of [0, 8_192]) {
      const folder = newFolder();
      writeFileSync(fileOf(folder), Buffer.alloc(bytes));
      await repairDatabase(folder, () => expect.unreachable());
      const environment = new LmdbEnvironment({ folder });
      expect(await churn(environment, 3)).toBe(3);
      await environment.close();
    }
  });

  it("in the middle of a job: the next start of the runtime finishes it", { timeout: 300_000 }, async () => {
    const [dataFolder, disk, after] = [newFolder(), newFolder(), newFolder()];
    const file = join(dataFolder, "noted");
    const first = await startRuntimeProcess(dataFolder, { execArgv: ["--import", DISK], env: { FANFOLD_TEST_DISK: disk } });
    const submitted = new Promise<string>((resolve) => first.child.once("message", (message) => resolve((message as { jobId: string }).jobId)));
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
    await until("the orphans are gone", () => workersOf(dataFolder).length === 0);
    cutPower({ seen: database, disk, left: join(after, "database"), fate: mixed(7) });
    copyFileSync(join(dataFolder, "epoch"), join(after, "epoch"));
    const { runtime } = await startTestRuntime({ dataFolder: after });
    expect(await ended(runtime, jobId, 200_000)).toMatchObject({ state: "success", value: 200 });
  });
});

describe("the flushed state", () => {
  it("follows what is committed, by others too, and is not written when nothing is", async () => {
    const folder = newFolder();
    const environment = new LmdbEnvironment({ folder });
    for (let round = 0; round < 3; round++) {
      const before = sequenceIn(folder);
      await churn(environment, 10);
      await until("it is flushed", () => sequenceIn(folder) > before);
    }
    // One look may still find what the last flush did not have.
    await pause(200);
    const quiet = sequenceIn(folder);
    await pause(400);
    expect(sequenceIn(folder)).toBe(quiet);
    await environment.close();
  });

  it("ends with a clean stop, after which the database's own files say it all", async () => {
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

  it("is not used in the same boot: a kill of all processes undoes nothing", { timeout: 300_000 }, async () => {
    const { folder, parent, workers } = await startChurning();
    let told = 0;
    for (const each of [parent, ...workers]) each.on("message", (count) => (told = Math.max(told, Number(count))));
    await until("some commits", () => told > 500, 200_000);
    await kill(parent, ...workers);
    await repairDatabase(folder, () => expect.unreachable());
    const environment = new LmdbEnvironment({ folder });
    expect(readChurned(environment)).toBeGreaterThanOrEqual(told);
    await environment.close();
  });

  it("rests on lmdb: a read transaction stays where it began, whatever is read and committed, until it is done", async () => {
    const root = open<string, string>(join(newFolder(), "some.lmdb"), { noSubdir: true, overlappingSync: false, noSync: true });
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
      const oldest = (): number => Math.min(...[...root.readerList().matchAll(/^ *\d+ +\w+ +(\d+)$/gm)].map((row) => Number(row[1])));
      const held = oldest();
      read.done();
      await pause(5);
      expect(oldest()).toBeGreaterThan(held);
    }
    await root.close();
  });

  it("a worker looks in each transaction whether its parent lives, before it writes", async () => {
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

  it("a parent that exits without having stopped ends its workers first", async () => {
    const dataFolder = newFolder();
    const { child } = await startRuntimeProcess(dataFolder);
    await until("two workers", () => workersOf(dataFolder).length === 2);
    const exited = once(child, "exit");
    child.send("exit");
    await exited;
    expect(workersOf(dataFolder)).toEqual([]);
  });
});
