import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "./main.ts";
import { PLAIN, TYPED_CONFIG } from "./projects.ts";
import type { Walk } from "./walk.ts";

/** CPU seconds of an import and of `fanfold --help`, start of Node included. */
const MOST_CPU_SECONDS = 0.3;
/**
 * Megabytes of what a program with an engine installs beside this package. lmdb's four binaries for Linux on x64 are 15
 * of them (docs/adr/0016-the-package.md).
 */
const MOST_MEGABYTES = 32;
export const COMMAND = "node_modules/fanfold/dist/cli/main.js";

/** A program with nothing but Node and this package. */
export function plainChecks(walk: Walk): readonly Check[] {
  const folder = walk.project("plain", PLAIN);
  const installed = (name: string): string => join(folder, "node_modules", name);
  return [
    ["it installs into a project of plain JavaScript", () => walk.install(folder, walk.tarball)],
    [
      "neither AWS nor the CDK nor a compiler comes along",
      () => {
        const foreign = ["@aws-sdk", "@smithy", "aws-cdk-lib", "constructs", "esbuild", "tsx", "typescript"];
        assert.deepEqual(
          foreign.filter((name) => existsSync(installed(name))),
          [],
        );
        const { dependenciesMb, ownMb } = installedMegabytes(folder);
        console.log(`  ${dependenciesMb.toFixed(1)} MB of dependencies, ${ownMb.toFixed(1)} MB of its own`);
        assert.ok(dependenciesMb < MOST_MEGABYTES);
      },
    ],
    [
      "an engine in the program runs a workflow",
      () => assert.equal(walk.must(folder, "node", "embed.mjs", "here"), "14\n"),
    ],
    [
      "an engine in the program runs tasks in worker processes",
      () => assert.equal(walk.must(folder, "node", "embed.mjs", "workers"), "14\n"),
    ],
    ...["fanfold", "fanfold/paths", "fanfold/client", "fanfold/embedded"].map((name): Check => [
      `an import of ${name} costs little`,
      () => quick(walk.cpuSeconds(folder, "--input-type=module", "--eval", `await import("${name}")`)),
    ]),
    ["the command's help costs little", () => quick(walk.cpuSeconds(folder, COMMAND, "--help"))],
    [
      "the command finds the project from a folder below",
      () => {
        const below = join(folder, "node_modules");
        const { value } = JSON.parse(
          walk.must(below, "npx", "fanfold", "run", "squares", "-f", "n=4", "--json", "--data", "d"),
        ) as { value: number };
        assert.equal(value, 14);
      },
    ],
    ["the demo runs without a project", () => demo(walk, folder)],
    [
      "without a project the command says how to make one",
      () => {
        const { code, stderr } = walk.run(walk.folder, "node", join(folder, COMMAND), "workflows");
        assert.equal(code, 2);
        assert.match(stderr, /there is no fanfold\.config\.ts in .* or above: `npx fanfold init`/);
      },
    ],
    ["TypeScript without tsx is read by Node, or refused with advice", () => typedConfig(walk, folder)],
  ];
}

function quick(seconds: number): void {
  console.log(`  ${seconds.toFixed(2)} CPU seconds`);
  assert.ok(seconds < MOST_CPU_SECONDS);
}
function demo(walk: Walk, folder: string): void {
  const small = walk.project("small", { "a.txt": "a", "b.txt": "a" });
  const { files } = JSON.parse(
    walk.must(
      walk.folder,
      "node",
      join(folder, COMMAND),
      "demo",
      small,
      "--json",
      "--data",
      join(walk.folder, "state"),
    ),
  ) as { files: number };
  assert.equal(files, 2);
}
function typedConfig(walk: Walk, plain: string): void {
  // Node finds packages in folders above.
  const folder = walk.project("plain/typed", TYPED_CONFIG);
  const { code, stdout, stderr } = walk.run(
    folder,
    "npx",
    "--prefix",
    plain,
    "fanfold",
    "run",
    "canvas.json",
    "--json",
  );
  const reads = walk.must(folder, "node", "--print", "Boolean(process.features.typescript)").trim() === "true";
  if (reads) assert.equal((JSON.parse(stdout) as { value: number }).value, 8);
  else {
    assert.equal(code, 2);
    assert.match(stderr, /run `npm install --save-dev tsx`, or use Node 22\.18 or newer/);
  }
  rmSync(folder, { recursive: true });
}
/** Returns what is installed in a project: this package, and all that it brings along. */
export function installedMegabytes(project: string): { readonly dependenciesMb: number; readonly ownMb: number } {
  const modules = join(project, "node_modules");
  const own = bytesOf(join(modules, "fanfold"));
  return { dependenciesMb: round(bytesOf(modules) - own), ownMb: round(own) };
}
const round = (bytes: number): number => Math.round(bytes / 1e4) / 100;
function bytesOf(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
