import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { LmdbEnvironment } from "../../../functions/embedded/lmdb/lmdb-environment.ts";
import { endOrphans, permitOpening, registerWorker } from "../../../functions/embedded/workers/open-permit.ts";
import { newFolder } from "../harness.ts";

const OPENER = fileURLToPath(new URL("../fixtures/opener.ts", import.meta.url));
const startOpener = (...args: string[]) => fork(OPENER, args, { execArgv: ["--import", "tsx"] });

it("is told when the file is open and no transaction has begun", async () => {
  const folder = newFolder();
  let opened = false;
  const environment = new LmdbEnvironment({
    folder,
    onOpened: () => {
      // Two pages with the numbers of no transaction.
      const bytes = readFileSync(join(folder, "state.lmdb"));
      opened = bytes.length === 8_192 && bytes.readBigUInt64LE(152) === 0n;
    },
  });
  await environment.close();
  expect(opened).toBe(true);
});

it("lets a worker open while the writers' lock is held, so that no commit is lost", async () => {
  const folder = newFolder();
  const environment = new LmdbEnvironment({ folder });
  const { gatherer, tasks } = environment;
  for (let round = 0; round < 3; round++) {
    const door = join(folder, `${round}.door`);
    const opener = startOpener(folder, door);
    await once(opener, "message");
    const ended = once(opener, "exit");
    await gatherer.run(() => tasks.putSync(`before${round}`, Buffer.from("1")));
    environment.holdCommits(() => permitOpening(door, opener.pid as number, () => expect.unreachable()));
    expect(existsSync(door)).toBe(false);
    await gatherer.run(() => tasks.putSync(`after${round}`, Buffer.from("1")));
    expect((await ended)[0]).toBe(0);
  }
  environment.refresh();
  expect([...tasks.getKeys({ start: " " })]).toHaveLength(9);
  await environment.close();
});

it("does not wait for a worker that is dead", async () => {
  const folder = newFolder();
  const opener = startOpener(folder, join(folder, "never.door"));
  await once(opener, "message");
  const ended = once(opener, "exit");
  opener.kill("SIGKILL");
  await ended;
  permitOpening(join(folder, "other.door"), opener.pid as number, () => expect.unreachable());
  expect(existsSync(join(folder, "other.door"))).toBe(false);
});

it("ends the workers that an earlier parent left behind, and forgets them", async () => {
  const [folder, workers] = [newFolder(), newFolder()];
  const orphan = startOpener(folder, join(folder, "never.door"), workers);
  await once(orphan, "message");
  const ended = once(orphan, "exit");
  await endOrphans(workers);
  expect((await ended)[1]).toBe("SIGKILL");
  expect(existsSync(join(workers, `${orphan.pid}`))).toBe(false);
});

it("takes a process for dead whose number was given out again", async () => {
  const workers = newFolder();
  registerWorker(workers);
  const path = join(workers, `${process.pid}`);
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), started: "1", bootedAt: 1 }));
  await endOrphans(workers);
  expect(existsSync(path)).toBe(false);
});
