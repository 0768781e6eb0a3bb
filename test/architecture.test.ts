import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

/**
 * Who may import whom (docs/architecture.md). Lint covers what one file shows: impure globals, file length. This test covers what needs
 * resolved paths: layers, packages, dynamic imports, and that nothing but follow-up marks a ledger.
 */
interface Layer {
  /** Layers, or single files of a layer, beside the layer itself. `*`: every layer. */
  readonly layers: readonly string[];
  /** Packages; `node:` stands for every built-in module. */
  readonly packages: readonly string[];
}
const LAYERS: Readonly<Record<string, Layer>> = {
  "functions/core": { layers: [], packages: [] },
  "functions/calendar": { layers: ["functions/core"], packages: ["croner", "rrule-temporal"] },
  "functions/sdk": { layers: ["functions/core", "functions/calendar"], packages: ["zod"] },
  "functions/paths": { layers: ["functions/sdk", "functions/core"], packages: ["zod"] },
  "functions/engine": { layers: ["functions/core"], packages: [] },
  "functions/api": { layers: ["functions/engine", "functions/core"], packages: ["node:", "hono", "zod"] },
  "functions/aws": {
    layers: ["functions/engine/ports.ts", "functions/core"],
    packages: ["node:", "@aws-sdk", "@smithy", "aws4fetch"],
  },
  "functions/testing": {
    layers: ["functions/engine", "functions/client", "functions/core", "functions/sdk"],
    packages: ["node:"],
  },
  // Only the types of canvases and workflows: their code stays out of a browser.
  "functions/client": {
    layers: ["functions/core", "functions/sdk/builder-types.ts", "functions/sdk/workflow-type.ts"],
    packages: ["aws4fetch"],
  },
  "functions/host": { layers: ["functions/engine", "functions/core"], packages: ["node:", "@opentelemetry"] },
  "functions/embedded": {
    layers: [
      "functions/host",
      "functions/engine",
      "functions/api",
      "functions/client",
      "functions/core",
      "functions/calendar",
      "functions/sdk",
    ],
    packages: ["node:", "lmdb", "hono", "@hono/node-server", "zod"],
  },
  "functions/handlers": { layers: ["*"], packages: ["node:", "hono", "zod", "@aws-sdk", "aws-lambda"] }, // aws-lambda: types of events only
  web: { layers: ["functions/client"], packages: ["preact", "@dagrejs/dagre", "uplot"] },
  // Its objects may lie in a bucket; the client is loaded only then.
  "functions/tasks/inventory": { layers: ["functions/sdk", "functions/paths"], packages: ["node:", "zod", "@aws-sdk"] },
  "functions/tasks/checksum-manifest": {
    layers: ["functions/sdk", "functions/paths", "functions/tasks/inventory"],
    packages: ["node:", "zod"],
  },
  "functions/tasks": { layers: ["functions/sdk", "functions/paths"], packages: ["node:", "zod"] },
  // fanfold: the text of a new project.
  cli: { layers: ["*"], packages: ["node:", "commander", "zod", "fanfold"] },
  // The shape of a deployment is pure data of core; code of functions is only pointed at, by path.
  infra: {
    layers: [
      "fanfold.config.ts",
      "functions/sdk/config.ts",
      "functions/sdk/function-config.ts",
      "functions/core/cost/price-table.ts",
      "functions/sdk/queue-settings.ts",
      "functions/core/errors.ts",
      "functions/core/items/item.ts",
      "functions/core/names/metric-names.ts",
      "functions/core/names/queue-name.ts",
      "functions/core/names/aws-resource-names.ts",
      "functions/core/items/table-definitions.ts",
    ],
    packages: ["node:", "aws-cdk-lib", "constructs", "cdk-nag", "esbuild", "@aws-sdk", "aws4fetch"],
  },
};
/** Tasks that a user adds import what they like. */
const isOurs = (path: string): boolean =>
  /^(?!functions\/tasks\/)|\/tasks\/(examples|checksum-manifest\/.*|inventory\/.*)\.ts$/.test(path);
const MARK_LEDGER = /(^|\/)mark-ledger\.ts$/;
const FOLLOW_UP = /^functions\/engine\/follow\//;
/** The folders of the engine, lowest first; those of one floor do not import each other. A file imports its own folder, lower ones, and the root files. */
const ENGINE_ORDER = [
  "items",
  ["plan", "jobs"],
  "messages",
  ["waits", "admission"],
  "groups",
  "rounds",
  ["views", "follow"],
  ["attempt", "submit"],
  "execute",
  "control",
];

const IMPORTS = [
  /(?:^|[;}\n])\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/g,
  /(?:^|[;}\n])\s*import\s*["']([^"']+)["']/g,
  /\bimport\(\s*["'`]([^"'`]+)["'`]/g,
  /\brequire\(\s*["'`]([^"'`]+)["'`]/g,
  /\bnew URL\(\s*["'`](\.{1,2}\/[^"'`]+\.[cm]?[jt]s)["'`]/g,
];

function importsOf(source: string): string[] {
  return IMPORTS.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? ""));
}
function layerOf(path: string): string | undefined {
  return Object.keys(LAYERS).find((layer) => path.startsWith(`${layer}/`));
}
/** What a file imports of the tree, types included, as paths relative to the repository. */
function targetsOf(path: string, source: string): string[] {
  return importsOf(source)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => posix.normalize(posix.join(posix.dirname(path), specifier)));
}
/** The files that import each other, each circle once, by the path that was walked first. */
function circles(sources: ReadonlyMap<string, string>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) found.push([...way.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    for (const target of targetsOf(path, sources.get(path) ?? ""))
      if (sources.has(target)) walk(target, [...way, path]);
    done.add(path);
  };
  for (const path of sources.keys()) walk(path, []);
  return found;
}
const ENGINE = "functions/engine/";
const floorOf = (folder: string): number =>
  ENGINE_ORDER.findIndex((floor) => floor === folder || floor.includes(folder));
/** What of the engine a file of the engine imports from a floor that is not below its own. Root files are open to all. */
function upwards(path: string, source: string): string[] {
  const folderOf = (file: string): string | undefined =>
    file.startsWith(ENGINE) ? /^([^/]+)\//.exec(file.slice(ENGINE.length))?.[1] : undefined;
  const from = folderOf(path);
  if (from === undefined) return [];
  if (floorOf(from) < 0) return [`${path} is in a folder without a place in ENGINE_ORDER`];
  return targetsOf(path, source).flatMap((target) => {
    const to = folderOf(target);
    return to === undefined || to === from || floorOf(to) < floorOf(from) ? [] : [`${path} imports ${target}`];
  });
}
function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return "node:";
  return specifier.startsWith("@")
    ? specifier.split("/").slice(0, 2).join("/")
    : (specifier.split("/")[0] ?? specifier);
}

/** What is wrong with the imports of one file; `path` is relative to the repository, with slashes. */
function violations(path: string, source: string): string[] {
  const layer = layerOf(path);
  if (layer === undefined)
    return path.startsWith("functions/") ? [`${path} is in no layer of docs/architecture.md`] : [];
  const allowed = LAYERS[layer] as Layer;
  const found: string[] = [];
  if (/(oxlint|eslint)-disable/.test(source) && ["functions/core", "functions/engine"].includes(layer))
    found.push(`${path} switches a lint rule off`);
  for (const specifier of importsOf(source)) {
    if (!specifier.startsWith(".")) {
      const name = packageOf(specifier);
      const fits = allowed.packages.some((each) => each === name || name.startsWith(`${each}/`));
      if (!fits) found.push(`${path} imports package ${specifier}`);
      continue;
    }
    const target = posix.normalize(posix.join(posix.dirname(path), specifier));
    const inside =
      target.startsWith(`${layer}/`) ||
      allowed.layers.some((each) => each === "*" || target === each || target.startsWith(`${each}/`));
    if (!inside) found.push(`${path} imports ${target}`);
    if (MARK_LEDGER.test(target) && !FOLLOW_UP.test(path))
      found.push(`${path} imports ${target}, which only follow-up may`);
  }
  return found;
}

const root = resolve(import.meta.dirname, "..");
const sandbox = mkdtempSync(join(tmpdir(), "fanfold-lint-"));
afterAll(() => rmSync(sandbox, { recursive: true, force: true }));

/** Writes the files, and returns the rules that oxlint reports for each under this repository's configuration (without types). */
function lint(sources: readonly (readonly [path: string, source: string])[]): string[][] {
  const config = readFileSync(join(root, ".oxlintrc.json"), "utf8").replace(/"typeAware": true/, '"typeAware": false');
  writeFileSync(join(sandbox, ".oxlintrc.json"), config);
  for (const [path, source] of sources) {
    mkdirSync(dirname(join(sandbox, path)), { recursive: true });
    writeFileSync(join(sandbox, path), source);
  }
  const { stdout } = spawnSync(join(root, "node_modules/.bin/oxlint"), ["--format", "json", "."], {
    cwd: sandbox,
    encoding: "utf8",
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  return sources.map(([path]) => diagnostics.filter((each) => each.filename === path).map((each) => each.code));
}

describe("import boundaries", () => {
  const files = ["functions", "cli", "infra", "web"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => /\.tsx?$/.test(path))
      .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
      .filter(isOurs)
      // Read by the build of the page, and no part of it.
      .filter((path) => path !== "web/vite.config.ts"),
  );
  it("finds the sources", () => expect(files.length).toBeGreaterThan(5));
  const sources = new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  it("hold in the whole tree", () =>
    expect(files.flatMap((path) => violations(path, sources.get(path) ?? ""))).toEqual([]));

  it("form no circle of files, types included", () => expect(circles(sources)).toEqual([]));
  it("find a circle when an import is turned round", () => {
    const turned = new Map([...sources, ["functions/core/errors.ts", 'import type { Json } from "./json-check.ts";']]);
    expect(circles(turned)).not.toEqual([]);
  });

  it("go down the floors of the engine", () =>
    expect(files.flatMap((path) => upwards(path, sources.get(path) ?? ""))).toEqual([]));
  it.each([
    ["an arrow up", "functions/engine/items/a.ts", 'import { gateOf } from "../groups/gate.ts";'],
    [
      "an arrow across a floor",
      "functions/engine/views/a.ts",
      'import type { WorkList } from "../follow/work-list.ts";',
    ],
    ["a folder without a place", "functions/engine/extra/a.ts", ""],
  ])("see %s in the engine", (_title, path, source) => expect(upwards(path, source)).not.toEqual([]));

  it.each([
    ["core imports nothing", "functions/core/a.ts", 'import { z } from "zod";'],
    ["core imports nothing of the platform", "functions/core/a.ts", 'import { createHash } from "node:crypto";'],
    ["core knows no engine", "functions/core/a.ts", 'import type { Ports } from "../engine/ports.ts";'],
    ["engine knows no store", "functions/engine/a.ts", 'export * from "../embedded/store.ts";'],
    ["engine loads nothing lazily", "functions/engine/a.ts", 'const os = await import("node:os");'],
    ["engine is never lint-exempt", "functions/engine/a.ts", "// oxlint-disable-next-line\nconst now = Date.now();"],
    ["sdk knows core only", "functions/sdk/a.ts", 'import { createEngine } from "../engine/engine.ts";'],
    ["sdk knows no paths", "functions/sdk/a.ts", 'import type { PathObject } from "../paths/index.ts";'],
    ["paths know no engine", "functions/paths/a.ts", 'import type { Run } from "../engine/item-kinds.ts";'],
    ["sdk runs anywhere", "functions/sdk/a.ts", 'import { readFile } from "node:fs/promises";'],
    ["api knows no store", "functions/api/a.ts", 'import { openStore } from "../embedded/store.ts";'],
    ["aws sees ports only", "functions/aws/a.ts", 'import { followUp } from "../engine/follow/follow.ts";'],
    ["testing needs no database", "functions/testing/a.ts", 'import { open } from "lmdb";'],
    ["client runs in a browser", "functions/client/a.ts", 'import "node:net";'],
    ["host knows no database", "functions/host/a.ts", 'import { open } from "../embedded/lmdb/lmdb-environment.ts";'],
    ["embedded knows no cli", "functions/embedded/a.ts", 'const main = new URL("../../cli/main.ts", import.meta.url);'],
    ["embedded knows no user task", "functions/embedded/a.ts", 'import { tasks } from "../tasks/index.ts";'],
    ["other tasks need no cloud", "functions/tasks/a.ts", 'import { S3Client } from "@aws-sdk/client-s3";'],
    ["web talks to a server only", "web/a.tsx", 'import { LIMITS } from "../functions/core/limits.ts";'],
    ["tasks use the sdk only", "functions/tasks/a.ts", 'import {\n  limits,\n} from "../core/limits.ts";'],
    ["infra runs nothing of the engine", "infra/a.ts", 'import { createEngine } from "../functions/engine/engine.ts";'],
    ["a new folder states its layer", "functions/extra/a.ts", ""],
    [
      "marks come from follow-up only (engine)",
      "functions/engine/execute/a.ts",
      'import { markLedger } from "../follow/mark-ledger.ts";',
    ],
    [
      "marks come from follow-up only (cli)",
      "cli/a.ts",
      'export { markLedger } from "../functions/engine/follow/mark-ledger.ts";',
    ],
  ])("fail when they should: %s", (_title, path, source) => expect(violations(path, source)).not.toEqual([]));

  it.each([
    ["functions/engine/follow/follow.ts", 'import { markLedger } from "./mark-ledger.ts";'],
    ["functions/sdk/a.ts", 'import * as z from "zod";\nimport { LIMITS } from "../core/limits.ts";'],
    [
      "functions/aws/a.ts",
      'import type { Store } from "../engine/ports.ts";\nimport { DynamoDB } from "@aws-sdk/client-dynamodb";',
    ],
    ["functions/tasks/inventory/a.ts", 'import { S3Client } from "@aws-sdk/client-s3";'],
    [
      "functions/tasks/a.ts",
      'import { defineTask } from "../sdk/index.ts";\nimport { createReadStream } from "node:fs";',
    ],
  ])("allow what they should: %s", (path, source) => expect(violations(path, source)).toEqual([]));
});

describe("lint rules fail when they should", () => {
  const RULES: readonly (readonly [rule: string, path: string, source: string])[] = [
    ["no-restricted-globals", "functions/core/a.ts", "export const now = () => Date.now();"],
    ["no-restricted-globals", "functions/engine/a.ts", "export const now = () => new Date();"],
    ["no-restricted-globals", "functions/engine/a.ts", "export const now = () => performance.now();"],
    [
      "no-restricted-globals",
      "functions/engine/a.ts",
      "export const wait = (then: () => void) => setTimeout(then, 1);",
    ],
    [
      "no-restricted-globals",
      "functions/engine/a.ts",
      "export const wait = (then: () => void) => setInterval(then, 1);",
    ],
    ["no-restricted-globals", "functions/engine/a.ts", "export const wait = (then: () => void) => setImmediate(then);"],
    ["no-restricted-globals", "functions/engine/a.ts", "export const id = () => crypto.randomUUID();"],
    ["no-restricted-globals", "functions/engine/a.ts", "export const home = () => process.cwd();"],
    ["no-restricted-globals", "functions/engine/a.ts", 'export const say = () => console.log("x");'],
    ["no-restricted-globals", "functions/engine/a.ts", "export const now = () => globalThis.Date.now();"],
    ["no-restricted-properties", "functions/core/a.ts", "export const dice = () => Math.random();"],
    ["no-restricted-properties", "functions/engine/a.ts", "export const soon = () => AbortSignal.timeout(1);"],
    [
      "no-restricted-imports",
      "functions/engine/a.ts",
      'import { join } from "node:path";\nexport const at = join("a", "b");',
    ],
    [
      "no-restricted-imports",
      "functions/engine/follow/follow.ts",
      'import { join } from "node:path";\nexport const at = join("a", "b");',
    ],
    [
      "no-restricted-imports",
      "functions/engine/a.ts",
      'import { markLedger } from "./mark-ledger.ts";\nexport const mark = () => markLedger();',
    ],
    [
      "no-restricted-imports",
      "functions/embedded/a.ts",
      'export { markLedger } from "../engine/follow/mark-ledger.ts";',
    ],
    ["max-lines", "functions/engine/long.ts", "export {};\n".repeat(401)],
    ["max-lines", "test/engine/long.test.ts", "export {};\n".repeat(401)],
    ["no-explicit-any", "functions/sdk/a.ts", "export const x = (y: any) => y;"],
    ["no-default-export", "functions/sdk/a.ts", "export default 1;"],
    ["no-process-env", "functions/api/a.ts", "export const home = process.env.HOME;"],
    ["filename-case", "functions/api/NotKebab.ts", "export const a = 1;"],
  ];
  const CLEAN: readonly (readonly [path: string, source: string])[] = [
    [
      "functions/engine/follow/clean.ts",
      'import { markLedger } from "./mark-ledger.ts";\nexport const mark = () => markLedger();\n',
    ],
    ["functions/tasks/a.ts", "export default 1;\n"],
  ];
  // Each file has a name of its own, in the folder that its rules are for.
  const numbered = RULES.map(
    ([, path, source], at) => [path.replace(/\/([a-z]+)((\.test)?\.ts)$/, `/$1-${at}$2`), source] as const,
  );
  const found = lint([...numbered, ...CLEAN]);

  it.each(RULES.map(([rule, path], at) => [rule, path, at] as const))("%s in %s", (rule, _path, at) =>
    expect(found[at]?.join()).toContain(rule),
  );
  it("and are silent on clean code", () => expect(found.slice(RULES.length)).toEqual(CLEAN.map(() => [])));
});
