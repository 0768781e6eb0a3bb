import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { TaskError } from "../../../functions/sdk/index.ts";
import { itemsOf } from "../../../functions/tasks/checksum-manifest/walk-items.ts";
import { manifestFinish } from "../../../functions/tasks/checksum-manifest/index.ts";
import { decodePath } from "../../../functions/tasks/inventory/path-text.ts";
import { walkFolder } from "../../../functions/tasks/inventory/walk-folder.ts";
import { allOf } from "../all-of.ts";
import { makeHostileFolder, makeTooDeep } from "../hostile-folder.ts";
import { askStandardTools, hasStandardTools, NEEDED_TOOLS } from "../standard-tools.ts";
import { checkedBy, Tree, withCodeBefore, workflows } from "./manifest.ts";

const trees: Tree[] = [];
function treeOf(files?: Readonly<Record<string, string>>): Tree {
  const tree = new Tree(files);
  trees.push(tree);
  return tree;
}
afterAll(() => trees.forEach((tree) => tree.delete()));
type Confirmed = Parameters<typeof manifestFinish.inline>[0][1];
const FILES = { a: "1", "b/c": "2", "b/d": "3", "b.e": "4", f: "5" };
describe("the manifest of a folder", () => {
  it("sha256sum verifies the manifest of a folder with hostile names, in chunks of any size", async ({ skip }) => {
    skip(!hasStandardTools(), NEEDED_TOOLS);
    const hostile = await makeHostileFolder();
    try {
      const tree = treeOf();
      const standard = askStandardTools(hostile.path);
      const report = await tree.report({ folder: hostile.path });
      expect(report).toMatchObject({
        outcome: "written",
        files: standard.files,
        bytes: standard.bytes,
        existed: false,
      });
      expect(report).toMatchObject({ skipped: standard.links + standard.special, unreadableTotal: 0, addedTotal: 0 });
      expect(checkedBy("sha256sum", hostile.path, tree.manifest)).toEqual({ status: 0, out: "" });
      const written = readFileSync(tree.manifest, "latin1");
      expect(written.match(/\n/g)).toHaveLength(standard.files);
      for (const chunk of [1, 7, 1_000]) {
        const again = await tree.report({ folder: hostile.path, chunk, update: true });
        expect(again).toMatchObject({ outcome: "updated", unchanged: standard.files });
        expect(again).toMatchObject({ changedTotal: 0, missingTotal: 0, addedTotal: 0, unsettled: [] });
        expect(readFileSync(tree.manifest, "latin1")).toBe(written);
      }
      const changed = Buffer.concat([Buffer.from(`${hostile.path}/`), Buffer.from("ff", "hex")]);
      writeFileSync(changed, "other");
      expect(checkedBy("sha256sum", hostile.path, tree.manifest)).toMatchObject({ status: 1 });
      const { changed: listed } = await tree.report({ folder: hostile.path });
      expect(listed.map(({ path }) => path)).toEqual(["\\xff"]);
    } finally {
      hostile.remove();
    }
  });

  it.each(["md5", "sha1", "sha512"])("%s is the algorithm that was asked for", async (algorithm) => {
    const tree = treeOf(FILES);
    expect(await tree.report({ algorithm })).toMatchObject({ algorithm, files: 5 });
    expect(checkedBy(`${algorithm}sum`, tree.folder, tree.manifest)).toEqual({ status: 0, out: "" });
    expect(checkedBy("sha256sum", tree.folder, tree.manifest).status).toBe(1);
  });

  it("of an empty folder is empty", async () => {
    const tree = treeOf();
    expect(await tree.report()).toMatchObject({ outcome: "written", files: 0, bytes: 0 });
    expect(readFileSync(tree.manifest, "utf8")).toBe("");
    expect(await tree.report()).toMatchObject({ outcome: "verified", existed: true, addedTotal: 0 });
  });
});

describe("a second run", () => {
  it("reports changed, missing and added files, and leaves the manifest as it was", async () => {
    const tree = treeOf(FILES);
    await tree.report();
    const before = readFileSync(tree.manifest, "utf8");
    expect(await tree.report()).toMatchObject({ outcome: "verified", unchanged: 5, changedTotal: 0, missingTotal: 0 });
    tree.write("b/c", "other");
    tree.remove("b.e");
    tree.remove("f");
    symlinkSync("a", join(tree.folder, "f"));
    tree.write("b/cc", "new");
    const { job } = await tree.run({ chunk: 2 });
    expect([job.state, job.items]).toMatchObject(["success", { processed: 4, skipped: 1 }]);
    expect(job.value).toMatchObject({ outcome: "verified", files: 4, skipped: 1, unchanged: 2, unknown: 0 });
    const digestOf = (name: string) => expect.stringMatching(new RegExp(`^${name}[0-9a-f]+$`)) as string;
    expect(job.value).toMatchObject({
      changed: [
        { path: "b/c", recorded: digestOf("d4735e3a"), found: digestOf("d9298a10") },
        { path: "f", recorded: digestOf("ef2d127d"), found: null },
      ],
      changedTotal: 2,
      missing: ["b.e"],
      missingTotal: 1,
      added: ["b/cc"],
      addedTotal: 1,
      unsettled: [],
    });
    expect(readFileSync(tree.manifest, "utf8")).toBe(before);
    expect(readdirSync(tree.path).toSorted()).toEqual(["folder", "manifest"]);
    // Six steps, and three chunks of at most 2 of the 5 items.
    expect(job.counts).toEqual({ success: 9 });
  });

  it("replaces the manifest when it is told to", async () => {
    const tree = treeOf(FILES);
    await tree.report();
    tree.write("a", "other");
    expect(await tree.report({ update: true })).toMatchObject({ outcome: "updated", changedTotal: 1 });
    expect(await tree.report()).toMatchObject({ outcome: "verified", changedTotal: 0, unchanged: 5 });
  });

  it.each([
    ["another algorithm", "other_algorithm", (text: string) => text.replace(/^\w{64}/, "0".repeat(128))],
    ["a line that is none", "manifest_invalid", (text: string) => `${text}what\n`],
    ["a last line without an end", "manifest_invalid", (text: string) => text.slice(0, -1)],
    [
      "lines out of order",
      "manifest_unsorted",
      (text: string) => text.split("\n").toReversed().join("\n").slice(1) + "\n",
    ],
  ])("refuses a manifest with %s before it reads any file", async (_title, reason, change) => {
    const tree = treeOf(FILES);
    await tree.report();
    writeFileSync(tree.manifest, change(readFileSync(tree.manifest, "utf8")));
    const { job } = await tree.run();
    expect(job).toMatchObject({ state: "failure", error: { reason, retryable: false } });
    expect(job.items).toBeUndefined();
  });
});

describe("what cannot be read", () => {
  it("files that vanish behind the walk are failures with a reason, and not missing", async () => {
    const tree = treeOf(FILES);
    await tree.report();
    const vanishing = withCodeBefore((task) => task === "manifest.checksum" && tree.remove("b/c"));
    const { job, local } = await tree.run({ chunk: 1_000 }, vanishing);
    expect([job.state, job.error?.name, job.items]).toMatchObject(["failure", "ItemsFailed", { failures: 1 }]);
    expect(job.value).toMatchObject({ unreadable: ["b/c"], unreadableTotal: 1, unknown: 1, missingTotal: 0, files: 4 });
    const reports = (await local.engine.reports(job.jobId, {})).items;
    expect(reports.filter(({ state }) => state === "failures")).toMatchObject([
      { item: { path: "b/c", message: ["ENOENT"] } },
    ]);
  });

  it("what is below a folder that cannot be read is unknown, and not missing", async () => {
    const tree = treeOf({ ...FILES, "beyond.x": "6" });
    await tree.report();
    // A manifest that knows a file below the longest path that a walk can read.
    makeTooDeep(tree.folder);
    const { job } = await tree.run({ update: true });
    const { unreadable } = job.value as { unreadable: string[] };
    expect([job.state, unreadable.length]).toEqual(["failure", 1]);
    const lines = readFileSync(tree.manifest, "utf8").split("\n");
    const at = lines.findIndex((line) => line.endsWith("beyond.x"));
    lines.splice(at, 0, `${"0".repeat(64)}  ${unreadable[0]}/f`);
    writeFileSync(tree.manifest, lines.join("\n"));
    const again = await tree.report();
    expect(again).toMatchObject({ unknown: 1, missingTotal: 0, changedTotal: 0, unreadableTotal: 1 });
  });

  it("a file that is written while it is read is a failure", { timeout: 60_000 }, async () => {
    const tree = treeOf({ a: "1" });
    const busy = join(tree.folder, "busy");
    writeFileSync(busy, Buffer.alloc(32 * 1024 * 1024));
    const writer = spawn("bash", ["-c", 'while :; do echo x >> "$1"; done', "bash", busy], { stdio: "ignore" });
    try {
      const { job } = await tree.run();
      expect(job.state).toBe("failure");
      expect(job.value).toMatchObject({ files: 1, unreadable: ["busy"] });
    } finally {
      writer.kill("SIGKILL");
    }
  });

  it("a listed file that is written between both readings is unsettled", async () => {
    const tree = treeOf(FILES);
    await tree.report();
    tree.write("a", "other");
    tree.remove("f");
    const using = withCodeBefore((task) => task === "manifest.confirm" && appendFileSync(join(tree.folder, "a"), "!"));
    expect(await tree.report({}, using)).toMatchObject({ changedTotal: 1, missing: ["f"], unsettled: ["a"] });
  });

  it.each([
    ["a folder that is not there", "ENOENT", { folder: "/nonexistent/folder" }],
    ["a manifest in a folder that is not there", "ENOENT", { manifest: "/nonexistent/folder/manifest" }],
  ])("%s ends the job with the reason", async (_title, reason, fields) => {
    const tree = treeOf(FILES);
    const { job } = await tree.run(fields);
    expect(job).toMatchObject({ state: "failure", error: { reason } });
    expect(existsSync(tree.manifest)).toBe(false);
    expect(readdirSync(tree.path)).toEqual(["folder"]);
  });
});

describe("a chunk without a result", () => {
  it("ends the job without a manifest, and a retry of the job goes on", async () => {
    const tree = treeOf(FILES);
    let broken = true;
    const using = withCodeBefore((task) => {
      if (task === "manifest.checksum" && broken) throw new TaskError("no", { retryable: false });
    });
    const { job, local } = await tree.run({ chunk: 2 }, using);
    expect(job).toMatchObject({ state: "failure", error: { reason: "chunk_lost" } });
    expect(readdirSync(tree.path)).toEqual(["folder"]);
    broken = false;
    await local.engine.retry(job.jobId, {});
    await local.untilQuiet();
    const again = await local.engine.job(job.jobId);
    expect(again).toMatchObject({ state: "success", value: { outcome: "written", files: 5 } });
    expect(checkedBy("sha256sum", tree.folder, tree.manifest)).toEqual({ status: 0, out: "" });
  });
  it("a manifest that somebody else makes meanwhile stays as it is", async () => {
    const tree = treeOf(FILES);
    const using = withCodeBefore((task) => task === "manifest.discover" && writeFileSync(tree.manifest, ""));
    expect(await tree.report({}, using)).toMatchObject({ outcome: "verified", existed: true, addedTotal: 5 });
  });
});

describe("the last step", () => {
  it("puts nothing in place when the manifest was made or removed meanwhile", async () => {
    const given = { folder: "/f", manifest: join(treeOf().path, "m"), algorithm: "sha256", update: false } as const;
    const compared = { existed: true, unsettled: [], site: "local" } as unknown as Confirmed;
    for (const [drafted, existed] of [
      [3, true],
      [null, false],
    ] as const)
      await expect(manifestFinish.inline([drafted, { ...compared, existed }], given)).rejects.toMatchObject({
        reason: "manifest_contested",
      });
    expect(await manifestFinish.inline([null, compared], given)).toMatchObject({ outcome: "verified" });
    await expect(manifestFinish.inline([3, { ...compared, existed: false }], given)).rejects.toMatchObject({
      reason: "ENOENT",
    });
  });
});

describe("the walk", () => {
  it("goes on behind any cursor with exactly the items that are missing", async () => {
    const hostile = await makeHostileFolder();
    try {
      const from = (after: Buffer | undefined) =>
        allOf(itemsOf(walkFolder(Buffer.from(hostile.path), after, new AbortController().signal)));
      const whole = await from(undefined);
      expect(whole.length).toBeGreaterThan(20);
      for (const [at, { path }] of whole.entries()) expect(await from(decodePath(path))).toEqual(whole.slice(at + 1));
    } finally {
      hostile.remove();
    }
  });
});

describe("two sites", () => {
  it("the folder is read at one site and the manifest at the other", async () => {
    const tree = treeOf(FILES);
    const ran: string[] = [];
    const using = withCodeBefore((task, site) => ran.push(`${task} ${site}`));
    const { job } = await tree.run({ site: "london", manifestSite: "paris", chunk: 2 }, using);
    expect([job.state, job.value]).toMatchObject(["success", { sites: { folder: "london", manifest: "paris" } }]);
    expect(ran.toSorted()).toEqual([
      "manifest.checksum london",
      "manifest.checksum london",
      "manifest.checksum london",
      "manifest.compare paris",
      "manifest.confirm london",
      "manifest.discover london",
      "manifest.draft paris",
      "manifest.finish paris",
      "manifest.open paris",
    ]);
  });
});

describe("the parameters", () => {
  it.each([
    [{ folder: "relative" }, "/folder"],
    [{ manifest: "/tmp/folder/sub/manifest" }, "/manifest"],
    [{ manifest: "/tmp/folder" }, "/manifest"],
    [{ manifest: "/tmp/folder/../folder/x" }, "/manifest"],
    [{ algorithm: "crc32" }, "/algorithm"],
    [{ chunk: 0 }, "/chunk"],
    [{ site: "a.b" }, "/site"],
    [{ sites: 2 }, ""],
  ])("%j is refused", (fields, field) => {
    const start = () => workflows.start("checksum-manifest", { folder: "/tmp/folder", manifest: "/tmp/m", ...fields });
    const details = expect.objectContaining({ field }) as object;
    expect(start).toThrow(expect.objectContaining({ code: "invalid_parameters", details }) as Error);
  });
});
