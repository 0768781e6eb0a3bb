import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NOTHING, type Totals } from "../../functions/tasks/inventory/chunk.ts";
import { cutChunks, type CutChunk } from "../../functions/tasks/inventory/cut-chunks.ts";
import { decodePath, encodePath } from "../../functions/tasks/inventory/path-text.ts";
import { walkFolder, type Visit } from "../../functions/tasks/inventory/walk-folder.ts";
import { seededRandom } from "../sim/random.ts";
import { allOf } from "./all-of.ts";
import { makeHostileFolder, makeTooDeep, type HostileFolder } from "./hostile-folder.ts";
import { askStandardTools, hasStandardTools, NEEDED_TOOLS } from "./standard-tools.ts";

const { signal } = new AbortController();
const walk = (folder: string, after?: Buffer): AsyncGenerator<Visit> => walkFolder(Buffer.from(folder), after, signal);
const chunks = (folder: string, mostFiles: number, after?: Buffer, totals: Totals = NOTHING): Promise<CutChunk[]> =>
  allOf(cutChunks(walk(folder, after), totals, mostFiles));
const textOf = ({ path }: Visit): string => encodePath(path);

let hostile: HostileFolder;
beforeAll(async () => {
  hostile = await makeHostileFolder();
});
afterAll(() => hostile.remove());

describe("a walk", () => {
  it("a walk visits what find finds, once each", async ({ skip }) => {
    skip(!hasStandardTools(), NEEDED_TOOLS);
    const visits = await allOf(walk(hostile.path));
    const count = (kind: Visit["kind"]): number => visits.filter((visit) => visit.kind === kind).length;
    const standard = askStandardTools(hostile.path);
    expect({
      files: count("file"),
      directories: count("directory"),
      links: count("link"),
      special: count("special"),
    }).toEqual({
      files: standard.files,
      directories: standard.directories,
      links: standard.links,
      special: standard.special,
    });
    expect(new Set(visits.filter((visit) => visit.kind === "file").map(textOf))).toEqual(
      new Set(standard.digests.keys()),
    );
    expect(visits.filter((visit) => visit.kind === "failure")).toEqual([]);
    // A walk leaves every directory but the folder itself, whose end is the end of the walk.
    expect(count("left")).toBe(standard.directories - 1);
  });
  it("a walk is in the order of bytes, component by component, directories before their entries", async () => {
    const visits = (await allOf(walk(hostile.path))).filter((visit) => visit.kind !== "left");
    const key = ({ path }: Visit): Buffer => Buffer.from(path.map((byte) => (byte === 0x2f ? 0 : byte)));
    const sorted = visits.toSorted((a, b) => Buffer.compare(key(a), key(b)));
    expect(visits.map(textOf)).toEqual(sorted.map(textOf));
  });
  it.each([1, 2, 7])(
    "a walk in chunks of %i continues after any chunk as if it had never stopped",
    async (mostFiles) => {
      const whole = await chunks(hostile.path, mostFiles);
      expect(whole.length).toBeGreaterThan(10);
      for (const [at, { chunk, after }] of whole.entries()) {
        if (after === undefined) continue;
        // A cursor carries the path and the totals.
        const { text, totals } = JSON.parse(JSON.stringify({ text: encodePath(after), totals: chunk.totals })) as {
          text: string;
          totals: Totals;
        };
        expect(await chunks(hostile.path, mostFiles, decodePath(text), totals)).toEqual(whole.slice(at + 1));
      }
    },
  );
  it("a walk continues after any path", async () => {
    const visits = await allOf(walk(hostile.path));
    for (const [at, { kind, path }] of visits.entries()) {
      if (kind === "directory" || kind === "failure") continue;
      const rest = await allOf(walk(hostile.path, path));
      expect(rest.map((visit) => [visit.kind, textOf(visit)])).toEqual(
        visits.slice(at + 1).map((visit) => [visit.kind, textOf(visit)]),
      );
    }
  });
  it("a walk reports where paths become too long, and continues beside it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fanfold-too-deep-"));
    try {
      makeTooDeep(folder);
      writeFileSync(join(folder, "z"), "");
      const visits = await allOf(walk(folder));
      const failures = visits.filter((visit) => visit.kind === "failure");
      expect(failures.map((visit) => visit.reason)).toEqual(failures.map(() => "ENAMETOOLONG"));
      expect(failures.length).toBeGreaterThan(0);
      expect(visits.at(-1)).toMatchObject({ kind: "file", path: Buffer.from("z") });
    } finally {
      execFileSync("rm", ["-rf", folder]);
    }
  });
  it("a walk fails when the folder itself cannot be read", async () => {
    await expect(chunks(join(hostile.path, "nowhere"), 1)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(chunks(join(hostile.path, "hard"), 1)).rejects.toMatchObject({ code: "ENOTDIR" });
  });
  it("a walk ends when it is aborted", async () => {
    const controller = new AbortController();
    const visits = walkFolder(Buffer.from(hostile.path), undefined, controller.signal);
    await visits.next();
    controller.abort(new Error("enough"));
    await expect(visits.next()).rejects.toThrow("enough");
  });
  it("a walk of an empty folder is one chunk without files", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fanfold-empty-"));
    expect(await chunks(folder, 32)).toEqual([
      { chunk: { files: [], failures: [], totals: { ...NOTHING, directories: 1 } }, after: undefined },
    ]);
    rmSync(folder, { recursive: true });
  });
});

describe("a folder that changes during a walk", () => {
  /** Makes levels of four entries, half of them directories. */
  function makeTree(folder: string, depth: number): void {
    mkdirSync(folder, { recursive: true });
    for (const name of ["a", "b", "c", "d"]) {
      if (depth > 0 && name < "c") makeTree(join(folder, name), depth - 1);
      else writeFileSync(join(folder, name), name);
    }
  }
  const paths = ["a", "b", "c", "d"].flatMap((one) => [
    one,
    ...["a", "b", "c"].flatMap((two) => [`${one}/${two}`, `${one}/${two}/a`]),
  ]);

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    "a walk of a changing folder ends, and visits nothing twice (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const folder = mkdtempSync(join(tmpdir(), "fanfold-changing-"));
      makeTree(folder, 3);
      const change = (): void => {
        const path = join(folder, random.pick(paths));
        try {
          if (random.chance(0.7)) rmSync(path, { recursive: true, force: true });
          const becomes = random.pick(["file", "folder", "link", "nothing", "nothing"]);
          if (becomes === "file") writeFileSync(path, "now a file");
          else if (becomes === "folder") makeTree(path, 1);
          else if (becomes === "link") symlinkSync(folder, path);
        } catch {
          // A path that cannot be changed stays as it is.
        }
      };
      const met: string[] = [];
      let after: Buffer | undefined;
      let totals = NOTHING;
      // Every chunk is the last one of an attempt, so the next attempt continues in a changed folder.
      for (let attempt = 0; attempt === 0 || after !== undefined; attempt++) {
        const cuts = cutChunks(walk(folder, after), totals, 2);
        const { value } = await cuts.next();
        await cuts.return();
        if (value === undefined) break;
        met.push(...value.chunk.files);
        ({ after } = value);
        ({ totals } = value.chunk);
        change();
        expect(attempt).toBeLessThan(1_000);
      }
      expect(new Set(met).size).toBe(met.length);
      expect(totals.files).toBe(met.length);
      // The folder also changes during one attempt.
      for await (const visit of walk(folder)) if (visit.kind !== "left") change();
      rmSync(folder, { recursive: true, force: true });
    },
  );
});
