import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobView } from "../../functions/engine/contract.ts";
import { createWorkflows, defineTask, type AnyTask } from "../../functions/sdk/index.ts";
import { createRunner } from "../../functions/sdk/runner.ts";
import type { Chunk } from "../../functions/tasks/inventory/chunk.ts";
import { openSource } from "../../functions/tasks/inventory/source.ts";
import { digestChunk } from "../../functions/tasks/inventory/digest-chunk.ts";
import {
  inventory,
  inventoryDigest,
  inventoryReport,
  inventoryWalk,
  type InventoryReport,
} from "../../functions/tasks/inventory/index.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { makeHostileFolder, type HostileFolder } from "./hostile-folder.ts";
import { askStandardTools, hasStandardTools, NEEDED_TOOLS } from "./standard-tools.ts";

const tasks: readonly AnyTask[] = [inventoryWalk, inventoryDigest, inventoryReport];
const workflows = createWorkflows([inventory]);

async function runInventory(fields: object, using: readonly AnyTask[] = tasks): Promise<JobView> {
  const local = new LocalEngine(using, { width: 4 });
  const { jobId } = await local.engine.submit({ canvas: workflows.start("inventory", fields).canvas });
  await local.untilQuiet();
  return (await local.engine.job(jobId)) as JobView;
}
async function reportOf(fields: object, using?: readonly AnyTask[]): Promise<InventoryReport> {
  const job = await runInventory(fields, using);
  expect([job.state, job.error]).toEqual(["success", undefined]);
  return job.value as unknown as InventoryReport;
}

let hostile: HostileFolder;
let other: string;
beforeAll(async () => {
  hostile = await makeHostileFolder();
  other = mkdtempSync(join(tmpdir(), "fanfold-inventory-"));
});
afterAll(() => {
  hostile.remove();
  rmSync(other, { recursive: true, force: true });
});

describe("the inventory of a folder", () => {
  it("the inventory of a folder agrees with find and sha256sum, in chunks of any size", async ({ skip }) => {
    skip(!hasStandardTools(), NEEDED_TOOLS);
    const standard = askStandardTools(hostile.path);
    const report = await reportOf({ folder: hostile.path });
    expect(report).toMatchObject({
      folder: hostile.path,
      files: standard.files,
      directories: standard.directories,
      links: standard.links,
      special: 2,
      bytes: standard.bytes,
      failures: [],
      failuresTotal: 0,
    });
    expect(standard.special).toBe(2);
    const duplicates = new Map(report.duplicates.map(({ sha256, paths }) => [sha256, new Set(paths)]));
    expect(duplicates).toEqual(new Map([...standard.duplicates].map(([sha256, paths]) => [sha256, new Set(paths)])));
    expect(report.duplicatesTotal.groups).toBe(standard.duplicates.size);
    expect(Object.values(report.byExtension).reduce((sum, { files }) => sum + files, 0)).toBe(standard.files);
    for (const chunk of [1, 5, 1_000]) expect(await reportOf({ folder: `${hostile.path}/.`, chunk })).toEqual(report);
  });

  it("the inventory sorts duplicates by wasted bytes and files by size", async () => {
    const folder = join(other, "sorted");
    mkdirSync(join(folder, "sub"), { recursive: true });
    const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
    for (const name of ["a.TXT", "b.txt", "sub/c.txt"]) write(name, "three");
    for (const name of ["d", "sub/e"]) write(name, "of the larger two");
    for (const name of ["none1", "none2"]) write(name, "");
    write("f.a.b", "alone");
    const report = await reportOf({ folder, chunk: 2 });
    expect(report.duplicates.map(({ bytes, paths }) => ({ bytes, paths }))).toEqual([
      { bytes: 17, paths: ["d", "sub/e"] },
      { bytes: 5, paths: ["a.TXT", "b.txt", "sub/c.txt"] },
      { bytes: 0, paths: ["none1", "none2"] },
    ]);
    expect(report.duplicatesTotal).toEqual({ groups: 3, files: 7, wastedBytes: 27 });
    expect(Object.entries(report.byExtension)).toEqual([
      ["", { files: 4, bytes: 34 }],
      [".txt", { files: 3, bytes: 15 }],
      [".b", { files: 1, bytes: 5 }],
    ]);
    expect(report.largest.map(({ path }) => path)).toEqual([
      "d",
      "sub/e",
      "a.TXT",
      "b.txt",
      "f.a.b",
      "sub/c.txt",
      "none1",
      "none2",
    ]);
  });

  it("the inventory lists a file that vanishes between walk and digest, and a lost chunk", async () => {
    const folder = join(other, "vanishing");
    mkdirSync(folder, { recursive: true });
    for (const name of ["1", "2", "3", "4"]) writeFileSync(join(folder, name), name);
    const meddling = defineTask({
      name: "inventory.digest",
      run: async (ctx, path: string, chunk: Chunk) => {
        if (chunk.files.includes("3")) throw new Error("out of luck");
        rmSync(join(folder, "2"), { force: true });
        return digestChunk(await openSource(path), chunk, ctx.signal);
      },
    });
    const job = await runInventory({ folder, chunk: 1 }, [inventoryWalk, meddling, inventoryReport]);
    // The job has a report although a run has failed.
    expect(job.state).toBe("failure");
    const report = job.value as unknown as InventoryReport;
    expect(report).toMatchObject({ files: 2, directories: 1, failuresTotal: 2 });
    expect(report.failures).toEqual([
      { path: "2", reason: "ENOENT" },
      { path: ".", reason: "chunk 2: Error" },
    ]);
  });

  it("the inventory of an empty folder is empty", async () => {
    const folder = join(other, "empty");
    mkdirSync(folder);
    expect(await reportOf({ folder })).toEqual({
      folder,
      files: 0,
      directories: 1,
      bytes: 0,
      links: 0,
      special: 0,
      failures: [],
      failuresTotal: 0,
      duplicates: [],
      duplicatesTotal: { groups: 0, files: 0, wastedBytes: 0 },
      byExtension: {},
      extensionsTotal: 0,
      largest: [],
    });
  });

  it("the inventory follows a link as its folder, and no other link", async () => {
    const folder = join(other, "target");
    mkdirSync(folder);
    writeFileSync(join(folder, "file"), "");
    symlinkSync(folder, join(other, "link"));
    expect(await reportOf({ folder: join(other, "link") })).toMatchObject({ files: 1, directories: 1 });
    expect(await reportOf({ folder: other })).toMatchObject({ links: 1 });
  });

  it.each([
    ["nowhere", "ENOENT"],
    ["vanishing/1", "ENOTDIR"],
  ])("the inventory of an unreadable folder fails with the reason (%s)", async (name, reason) => {
    const job = await runInventory({ folder: join(other, name) });
    expect(job).toMatchObject({ state: "failure", error: { reason, retryable: false } });
  });
});

describe("an attempt after a cursor", () => {
  /** Returns what one attempt yields: cursors, and the chunks before them. */
  async function attempt(cursor: unknown): Promise<{ cursor: unknown; chunk: Chunk }[]> {
    const { args } = inventoryWalk.s(hostile.path, 3, null).canvas;
    const call = {
      jobId: "j",
      runId: "j.0.0",
      groupId: "j",
      index: 0,
      step: 0,
      attempt: 2,
      round: 0,
      task: "inventory.walk",
      args,
      kwargs: {},
      stamps: {},
      headers: {},
      priority: undefined,
    };
    const { signal } = new AbortController();
    const services = {
      results: () => fails(),
      log: () => undefined,
      leave: () => undefined,
      event: () => fails(),
      dependency: () => fails(),
      putBlob: () => fails(),
      openBlob: () => fails(),
      reportStream: () => fails(),
      reports: () => fails(),
      load: () => fails(),
    };
    const outcome = await createRunner(tasks).run({
      ...call,
      site: "local",
      queue: "local.default#worker",
      startedAt: 0,
      deadline: Infinity,
      signal,
      cursor: cursor as never,
      deps: {},
      services,
    });
    if (outcome.kind !== "stream") throw new Error(outcome.kind);
    const yielded: { cursor: unknown; chunk: Chunk }[] = [];
    for await (const item of outcome.items) {
      if ("canvas" in item && item.canvas.kind === "task")
        yielded.push({ cursor: item.cursor, chunk: item.canvas.args[1] as unknown as Chunk });
    }
    return yielded;
  }
  const fails = (): never => {
    throw new Error("the walk reads no results");
  };
  it("an attempt after any cursor yields exactly the missing chunks", async () => {
    const whole = await attempt(undefined);
    expect(whole.length).toBeGreaterThan(10);
    for (const [at, { cursor }] of whole.entries()) expect(await attempt(cursor)).toEqual(whole.slice(at + 1));
  });
});

describe("the state of the engine", () => {
  it.each([".", "state", "../fanfold-state/.."])("engine state inside the folder is refused (%s)", (state) => {
    const fields = { folder: other, state: join(other, state) };
    expect(() => workflows.start("inventory", fields)).toThrow(
      expect.objectContaining({ code: "invalid_parameters", details: { field: "/state" } }),
    );
  });
  it("engine state inside the folder is refused even behind a link", async () => {
    mkdirSync(join(other, "hidden/state"), { recursive: true });
    const way = mkdtempSync(join(tmpdir(), "fanfold-way-"));
    symlinkSync(join(other, "hidden"), join(way, "link"));
    const job = await runInventory({ folder: other, state: join(way, "link/state") });
    expect(job).toMatchObject({ state: "failure", error: { reason: "state_inside" } });
    rmSync(way, { recursive: true });
  });
  it("engine state may be beside the folder, with a name that begins the same", async () => {
    expect(await reportOf({ folder: join(other, "sorted"), state: join(other, "sorted-state") })).toMatchObject({
      files: 8,
    });
  });
});

describe("the parameters", () => {
  it.each([
    {},
    { folder: "relative" },
    { folder: "/a\0b" },
    { folder: "/tmp", chunk: 0 },
    { folder: "/tmp", chunks: 3 },
  ])("the parameters %j are refused", (fields) => {
    expect(() => workflows.start("inventory", fields)).toThrow(expect.objectContaining({ code: "invalid_parameters" }));
  });
});
