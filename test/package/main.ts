import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { cdkChecks } from "./cdk.ts";
import { initChecks } from "./init.ts";
import { plainChecks } from "./plain.ts";
import { tarballChecks } from "./tarball.ts";
import { must, pack, ROOT, Walk } from "./walk.ts";

/** What is looked at, in order: a check may use what an earlier one has made. */
export type Check = readonly [title: string, check: () => unknown];

await new Command("package-test")
  .description("Packs, installs the tarball into empty projects, and walks through what a new user does.")
  .option("--nodes <versions>", "major versions of Node, installed from npm, for instance 20,22,24 (default: this one)")
  .action(async ({ nodes }: { readonly nodes?: string }) => {
    const folder = mkdtempSync(join(tmpdir(), "fanfold-tarball-"));
    try {
      const tarball = pack(folder);
      let [passed, failed] = [0, 0];
      for (const node of nodes === undefined
        ? [process.execPath]
        : nodes.split(",").map((each) => getNode(each, folder)))
        await walkWith(node, tarball, (isPassed) => (isPassed ? passed++ : failed++));
      console.log(`${passed} passed, ${failed} failed`);
      process.exitCode = failed === 0 ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  })
  .parseAsync();
process.exit();

async function walkWith(node: string, tarball: string, count: (isPassed: boolean) => void): Promise<void> {
  const walk = new Walk(tarball, node);
  process.once("exit", () => walk.end());
  console.log(walk.must(ROOT, "node", "--version").trim());
  try {
    for (const [title, check] of [
      ...tarballChecks(walk),
      ...plainChecks(walk),
      ...initChecks(walk),
      ...cdkChecks(walk),
    ]) {
      const began = performance.now();
      const error = await outcomeOf(check);
      console.log(`${error === undefined ? "✓" : "✗"} ${title} ${((performance.now() - began) / 1_000).toFixed(1)} s`);
      if (error !== undefined) console.log(error);
      count(error === undefined);
    }
  } finally {
    walk.end();
  }
}
async function outcomeOf(check: Check[1]): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Installs a Node and returns the path of its program. */
function getNode(version: string, folder: string): string {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const at = join(folder, version);
  must("npm", ["install", "--silent", "--no-save", "--prefix", at, `${name}@${version}`], folder);
  return join(at, "node_modules", name, "bin/node");
}
