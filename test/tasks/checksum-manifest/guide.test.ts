import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { checkedBy, Tree } from "./manifest.ts";

/** Runs the commands of docs/guide-manifest.md on a small tree, one after the other. */
const guide = readFileSync(new URL("../../../docs/guide-manifest.md", import.meta.url), "utf8");
const COMMAND = /^ {4}npm run fanfold -- run checksum-manifest ((?:.*\\\n)*.*)\n\nThe outcome is `(\w+)`/gm;
const commands = [...guide.matchAll(COMMAND)].map(
  ([, options = "", outcome = ""]) => [options.replaceAll(/ *\\\n */g, " "), outcome] as const,
);
const tree = new Tree({ "a.md": "a", "adr/b.md": "b" });
afterAll(() => tree.delete());
const PLACES: Readonly<Record<string, string>> = { "$PWD/docs": tree.folder, "/tmp/docs.sha256": tree.manifest };

function fieldsOf(options: string): object {
  const fields = [...options.matchAll(/--field (\w+)=(\S+)/g)].map(([, name = "", value = ""]) => {
    const given = PLACES[value] ?? value;
    return [name, given === "true" ? true : given];
  });
  return Object.fromEntries(fields) as object;
}

it("docs/guide-manifest.md has its commands", () => expect(commands).toHaveLength(4));
it.each(commands)("docs/guide-manifest.md: %s is %s", async (options, outcome) => {
  expect(options.replaceAll(/--field \w+=\S+ ?/g, "")).toBe("");
  expect(await tree.report(fieldsOf(options))).toMatchObject({ outcome, files: 2, addedTotal: 0, missingTotal: 0 });
  expect(checkedBy("sha256sum", tree.folder, tree.manifest)).toEqual({ status: 0, out: "" });
});
it("docs/guide-manifest.md names every field, every key of the report and every task", async () => {
  const { checksumManifest, ...tasks } = await import("../../../functions/tasks/checksum-manifest/index.ts");
  const report = Object.keys(await tree.report()).filter((key) => !/^(folder|manifest|existed)$|Total$/.test(key));
  const names = Object.values(tasks).map(({ name }) => name);
  for (const name of [...report, ...names]) expect(guide).toContain(`\`${name}\``);
  expect(names).toHaveLength(7);
  expect(checksumManifest.name).toBe("checksum-manifest");
});
