import { createHash } from "node:crypto";
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AnyTask, createWorkflows, TaskError } from "../../functions/sdk/index.ts";
import type { Chunk } from "../../functions/tasks/inventory/chunk.ts";
import {
  inventory,
  inventoryDigest,
  inventoryReport,
  inventoryWalk,
  type InventoryReport,
} from "../../functions/tasks/inventory/index.ts";
import { LocalEngine } from "../engine/local-engine.ts";

const FOLDERS = 50;
const FILES_EACH = 1_000;
const FILES = FOLDERS * FILES_EACH;
/** So few that the value of a chunk is small: a big one would have a row at any level. */
const FILES_A_CHUNK = 25;
const CHUNKS = FILES / FILES_A_CHUNK;
const HOOK_MS = 300_000;

/** Names sort as the walk visits them, so the files of a chunk follow each other. */
const pathOf = (file: number): string => `${100 + Math.floor(file / FILES_EACH)}/${100_000 + file}`;
const contentOf = (subfolder: number): string => `content ${100 + subfolder}`;
const BROKEN = new Set([0, 1_234, CHUNKS - 1].map((chunk) => pathOf(chunk * FILES_A_CHUNK)));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fanfold-walk-"));
  for (let at = 0; at < FOLDERS; at++) {
    const first = join(folder, pathOf(at * FILES_EACH));
    mkdirSync(join(first, ".."));
    writeFileSync(first, contentOf(at));
    // Links to one file are made faster than files are, and the walk takes each for a file.
    for (let k = 1; k < FILES_EACH; k++) linkSync(first, join(folder, pathOf(at * FILES_EACH + k)));
  }
}, HOOK_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }), HOOK_MS);

/** Returns the task with `before` ahead of each run. */
function watched<Task extends AnyTask>(task: Task, before: (args: readonly unknown[]) => void): Task {
  const run: AnyTask["definition"]["run"] = (ctx, ...args) => {
    before(args);
    return task.definition.run(ctx, ...args);
  };
  return { ...task, definition: { ...task.definition, run } };
}
/** The shipped tasks, which count their runs. While `isFull`, the digests of three chunks throw. */
class Site {
  readonly ran = new Map<string, number>();
  isFull = true;
  readonly local: LocalEngine;

  constructor(tracking: "lazy" | "ledger") {
    const digest = watched(inventoryDigest, ([, chunk]) => {
      const [first = ""] = (chunk as Chunk).files;
      this.#count(first);
      if (this.isFull && BROKEN.has(first)) throw new TaskError("disk full", { reason: "ENOSPC", retryable: false });
    });
    this.local = new LocalEngine([
      watched(inventoryWalk, () => this.#count("walk")),
      { ...digest, info: { ...digest.info, tracking } },
      watched(inventoryReport, () => this.#count("report")),
    ]);
  }
  #count(name: string): void {
    this.ran.set(name, (this.ran.get(name) ?? 0) + 1);
  }
}

it.each([
  ["lazy", CHUNKS],
  ["ledger", BROKEN.size],
] as const)(
  "of a streaming walk over 50,000 files a retry runs three failed chunks and the report, tracked %s",
  { timeout: 300_000 },
  async (tracking, rows) => {
    const site = new Site(tracking);
    const { engine } = site.local;
    const started = createWorkflows([inventory]).start("inventory", { folder, chunk: FILES_A_CHUNK });
    const { jobId } = await engine.submit({ canvas: started.canvas });
    await site.local.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({
      state: "failure",
      counts: { success: CHUNKS - BROKEN.size + 2, error: BROKEN.size },
      value: { files: FILES - BROKEN.size * FILES_A_CHUNK, failuresTotal: BROKEN.size },
    });
    // The walk yields its slot now and then, and goes on where it was.
    site.ran.delete("walk");
    expect([site.ran.size, new Set(site.ran.values())]).toEqual([CHUNKS + 1, new Set([1])]);

    site.isFull = false;
    site.ran.clear();
    expect(await engine.previewRetry(jobId, {})).toMatchObject({
      runs: BROKEN.size,
      again: [{ task: "inventory.report", count: 1 }],
    });
    await engine.retry(jobId, {});
    await site.local.untilQuiet();
    expect(site.ran).toEqual(new Map([...BROKEN, "report"].map((name) => [name, 1])));
    const job = await engine.job(jobId);
    expect(job).toMatchObject({ state: "success", counts: { success: CHUNKS + 2 }, countsExact: true });
    checkReport(job?.value as unknown as InventoryReport);
    let digests = 0;
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await engine.runs(jobId, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
      digests += page.items.filter(({ task }) => task === inventoryDigest.name).length;
      cursor = page.cursor;
    }
    expect(digests).toBe(rows);
  },
);

/** Expects the digest of every file, those of the first round included. */
function checkReport(report: InventoryReport): void {
  const groups = Array.from({ length: FOLDERS }, (_, at) => {
    const sha256 = createHash("sha256").update(contentOf(at)).digest("hex");
    return { sha256, bytes: contentOf(at).length };
  });
  const bytes = groups.reduce((sum, group) => sum + group.bytes * FILES_EACH, 0);
  expect(report).toMatchObject({ files: FILES, directories: FOLDERS + 1, bytes, failuresTotal: 0 });
  expect(report.duplicatesTotal).toMatchObject({ groups: FOLDERS, files: FILES });
  expect(new Set(report.duplicates.map(({ sha256 }) => sha256))).toEqual(new Set(groups.map(({ sha256 }) => sha256)));
}
