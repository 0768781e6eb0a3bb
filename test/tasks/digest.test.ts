import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NOTHING } from "../../functions/tasks/inventory/chunk.ts";
import { cutChunks } from "../../functions/tasks/inventory/cut-chunks.ts";
import { openSource } from "../../functions/tasks/inventory/source.ts";
import { digestChunk } from "../../functions/tasks/inventory/digest-chunk.ts";
import { digestFile } from "../../functions/tasks/inventory/digest-file.ts";
import { fsReason } from "../../functions/tasks/inventory/fs-reason.ts";
import { walkFolder } from "../../functions/tasks/inventory/walk-folder.ts";
import { allOf } from "./all-of.ts";
import { makeFifo } from "./hostile-folder.ts";

const { signal } = new AbortController();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fanfold-digest-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const inside = (name: string): string => join(folder, name);
const digest = (path: string): ReturnType<typeof digestFile> => digestFile(Buffer.from(path), signal);

describe("the digest of a file", () => {
  const buffer = 256 * 1024;
  it.each([0, 1, 1_000, buffer - 1, buffer, buffer + 1, 2 * buffer, 5 * buffer + 17])(
    "the digest of a file of %i bytes is that of its content",
    async (size) => {
      const content = Buffer.alloc(size, "fanfold");
      writeFileSync(inside("content"), content);
      expect(await digest(inside("content"))).toEqual({
        bytes: size,
        sha256: createHash("sha256").update(content).digest("hex"),
      });
    },
  );
  it("a file that has vanished or changed its type is a failure, and a fifo does not block", async () => {
    symlinkSync("content", inside("link"));
    mkdirSync(inside("folder"));
    makeFifo(inside("fifo"));
    expect(await digest(inside("nowhere"))).toEqual({ reason: "ENOENT" });
    expect(await digest(inside("content/below"))).toEqual({ reason: "ENOTDIR" });
    expect(await digest(inside("n".repeat(256)))).toEqual({ reason: "ENAMETOOLONG" });
    for (const name of ["link", "folder", "fifo"]) expect(await digest(inside(name))).toEqual({ reason: "not_a_file" });
  });
  it.skipIf(process.platform !== "linux")(
    "a file whose content differs from its size in length is a failure",
    async () => {
      expect(await digest("/proc/self/status")).toEqual({ reason: "changed" });
    },
  );
  it("digesting stops when it is aborted", async () => {
    await expect(digestFile(Buffer.from(inside("content")), AbortSignal.abort(new Error("enough")))).rejects.toThrow(
      "enough",
    );
  });
  it("an error for lack of process resources is not a failure of the file", () => {
    const shortage = Object.assign(new Error("too many open files"), { code: "EMFILE" });
    expect(() => fsReason(shortage)).toThrow(shortage);
    expect(fsReason(Object.assign(new Error("input/output error"), { code: "EIO" }))).toBe("EIO");
    expect(() => fsReason(new TypeError("a bug"))).toThrow("a bug");
  });
});

describe("the digests of a chunk", () => {
  it("the digests of a chunk are in order, after the failures of the walk", async () => {
    for (const name of ["1", "2", "3", "4", "5"]) writeFileSync(inside(name), name);
    const totals = { ...NOTHING, files: 7 };
    const result = await digestChunk(
      await openSource(folder),
      { files: ["1", "gone", "2", "3", "4", "gone\\x0atoo", "5"], failures: [["dir", "EACCES"]], totals },
      signal,
    );
    expect(result.files.map(([path]) => path)).toEqual(["1", "2", "3", "4", "5"]);
    expect(result.failures).toEqual([
      ["dir", "EACCES"],
      ["gone", "ENOENT"],
      ["gone\\x0atoo", "ENOENT"],
    ]);
    expect(result.totals).toEqual(totals);
  });

  const root = process.getuid?.() === 0;
  const NOBODY = 65_534;
  it.skipIf(process.platform === "win32")("a walk and its digests list files that may not be read", async () => {
    const closed = inside("closed");
    mkdirSync(join(closed, "unlisted/below"), { recursive: true });
    mkdirSync(join(closed, "unsearchable"));
    writeFileSync(join(closed, "open"), "open");
    writeFileSync(join(closed, "secret"), "secret");
    writeFileSync(join(closed, "unsearchable/file"), "");
    chmodSync(join(closed, "secret"), 0);
    chmodSync(join(closed, "unlisted"), 0);
    chmodSync(join(closed, "unsearchable"), 0o444);
    chmodSync(folder, 0o755);
    // Permissions do not bind root, so the test runs as another user for a moment.
    if (root) process.seteuid?.(NOBODY);
    try {
      const [cut] = await allOf(cutChunks(walkFolder(Buffer.from(closed), undefined, signal), NOTHING, 32));
      const { files, failures } = await digestChunk(await openSource(closed), cut!.chunk, signal);
      expect(files.map(([path]) => path)).toEqual(["open"]);
      expect(failures).toEqual([
        ["unlisted", "EACCES"],
        ["unsearchable/file", "EACCES"],
        ["secret", "EACCES"],
      ]);
      expect(cut!.chunk.totals).toEqual({ files: 2, directories: 3, links: 0, special: 0, failures: 2 });
    } finally {
      if (root) process.seteuid?.(0);
      for (const name of ["unlisted", "unsearchable"]) chmodSync(join(closed, name), 0o755);
    }
    expect(readFileSync(join(closed, "open"), "utf8")).toBe("open");
  });
});
