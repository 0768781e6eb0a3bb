import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { LmdbEnvironment } from "../../../functions/embedded/lmdb/lmdb-environment.ts";
import { endOrphans, permitOpening, registerWorker } from "../../../functions/embedded/workers/open-permit.ts";
import { newFolder } from "../harness.ts";
import { READ_SOURCES } from "../../read-sources.ts";

const OPENER = fileURLToPath(new URL("../fixtures/opener.ts", import.meta.url));
const startOpener = (...args: string[]) => fork(OPENER, args, { execArgv: READ_SOURCES });

it("an environment calls onOpened when the file is open and no transaction has begun", async () => {
  const folder = newFolder();
  let opened = false;
  const environment = new LmdbEnvironment({
    folder,
    onOpened: () => {
      // The file has two meta pages that name no transaction.
      const bytes = readFileSync(join(folder, "state.lmdb"));
      opened = bytes.length === 8_192 && bytes.readBigUInt64LE(152) === 0n;
    },
  });
  await environment.close();
  expect(opened).toBe(true);
});

it("a worker opens the database while its parent holds the writers' lock, so no commit is lost", async () => {
  const folder = newFolder();
  const environment = new LmdbEnvironment({ folder });
  const { gatherer, tasks } = environment;
  for (let round = 0; round < 3; round++) {
    const permit = join(folder, `${round}.permit`);
    const opener = startOpener(folder, permit);
    await once(opener, "message");
    const ended = once(opener, "exit");
    await gatherer.run(() => tasks.putSync(`before${round}`, Buffer.from("1")));
    environment.holdCommits(() => permitOpening(permit, opener.pid as number, () => expect.unreachable()));
    expect(existsSync(permit)).toBe(false);
    await gatherer.run(() => tasks.putSync(`after${round}`, Buffer.from("1")));
    expect((await ended)[0]).toBe(0);
  }
  environment.refresh();
  expect([...tasks.getKeys({ start: " " })]).toHaveLength(9);
  await environment.close();
});

it("a parent does not wait for the opening of a dead worker", async () => {
  const folder = newFolder();
  const opener = startOpener(folder, join(folder, "never.permit"));
  await once(opener, "message");
  const ended = once(opener, "exit");
  opener.kill("SIGKILL");
  await ended;
  permitOpening(join(folder, "other.permit"), opener.pid as number, () => expect.unreachable());
  expect(existsSync(join(folder, "other.permit"))).toBe(false);
});

it("a starting parent kills the workers of an earlier parent and removes their files", async () => {
  const [folder, workers] = [newFolder(), newFolder()];
  const orphan = startOpener(folder, join(folder, "never.permit"), workers);
  await once(orphan, "message");
  const ended = once(orphan, "exit");
  await endOrphans(workers);
  expect((await ended)[1]).toBe("SIGKILL");
  expect(existsSync(join(workers, `${orphan.pid}`))).toBe(false);
});

it("a starting parent takes a worker for dead when its pid now belongs to another process", async () => {
  const workers = newFolder();
  registerWorker(workers);
  const path = join(workers, `${process.pid}`);
  writeFileSync(
    path,
    JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), started: "1", bootedAt: 1 }),
  );
  await endOrphans(workers);
  expect(existsSync(path)).toBe(false);
});
