import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** The block "Layout" of docs/architecture.md names the folders of the tree as they are. */
const root = resolve(import.meta.dirname, "..");
/** Folders whose own folders are named, too. */
const NAMED_IN_FULL = ["functions", "functions/core", "functions/engine", "functions/embedded"];

/** The folders that the indented block names: each line that begins with a name and a slash, below the nearest line that is indented less. */
function foldersNamed(page: string): string[] {
  const block = /^## Layout\n[\s\S]*?\n((?: {4}.*\n|\n)+)/m.exec(page)?.[1] ?? "";
  const above: { readonly indent: number; readonly path: string }[] = [];
  return block.split("\n").flatMap((line) => {
    const [, spaces = "", name] = /^( +)([\w.-]+)\/(?:\s|$)/.exec(line) ?? [];
    if (name === undefined) return [];
    while ((above.at(-1)?.indent ?? -1) >= spaces.length) above.pop();
    const path = [...above.slice(-1).map((each) => each.path), name].join("/");
    above.push({ indent: spaces.length, path });
    return [path];
  });
}
function foldersIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${folder}/${entry.name}`);
}

describe("the layout in docs/architecture.md", () => {
  const named = foldersNamed(readFileSync(join(root, "docs/architecture.md"), "utf8"));

  it("is read as a tree", () => {
    const page =
      "# A\n\n## Layout\n\nText.\n\n    functions/\n      core/      rules\n        plan/    plans\n      engine/    work\n    docs/        pages\n\nMore.\n";
    expect(foldersNamed(page)).toEqual([
      "functions",
      "functions/core",
      "functions/core/plan",
      "functions/engine",
      "docs",
    ]);
  });
  it("names every folder", () =>
    expect(NAMED_IN_FULL.flatMap(foldersIn).filter((folder) => !named.includes(folder))).toEqual([]));
  it("names no folder that does not exist", () =>
    expect(named.filter((folder) => !existsSync(join(root, folder)))).toEqual([]));
  it("names each folder once", () => expect(named.filter((folder, at) => named.indexOf(folder) !== at)).toEqual([]));
});
