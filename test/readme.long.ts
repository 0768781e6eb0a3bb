import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

/** A copy of the project into which somebody typed the example of the README, and a file in another style. */
const root = resolve(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "fanfold-readme-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));
const PARTS = [
  "cli",
  "functions",
  "infra",
  "test",
  "web",
  "docs",
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "package.json",
];
const SETTINGS = [
  ".oxlintrc.json",
  ".oxfmtrc.json",
  "cdk.json",
  "fanfold.config.ts",
  "knip.json",
  "tsconfig.json",
  "vitest.config.ts",
];
for (const part of [...PARTS, ...SETTINGS]) cpSync(join(root, part), join(copy, part), { recursive: true });
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

const [, path = "", line = "", code = ""] =
  /```ts\n\/\/ (\S+), with a line `(.*?)` in functions\/tasks\/index\.ts\n([\s\S]*?)```/.exec(
    readFileSync(join(root, "README.md"), "utf8"),
  ) ?? [];
writeFileSync(join(copy, path), code);
appendFileSync(join(copy, "functions/tasks/index.ts"), `${line}\n`);
mkdirSync(join(copy, "functions/tasks/Billing"));
writeFileSync(
  join(copy, "functions/tasks/Billing/SendInvoice.ts"),
  `import { join } from "path";
import pg from "pg";

import * as sdk from "../../sdk/index.ts";

export default sdk.defineTask({
  name: "sum",
  run: (_ctx, invoice: any) => [pg, join("a", process.env["HOME"]!), invoice],
});
`,
);
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const run = (name: string, ...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(bin(name), args, { cwd: copy, encoding: "utf8", env: { ...process.env, VITEST: undefined } });

describe("the example of the README, typed in", { timeout: 120_000 }, () => {
  it("runs as the README says", () => {
    const command = ["cli/main.ts", "run", "squares", "--field", "n=100", "--json"];
    const output = execFileSync(bin("tsx"), command, {
      cwd: copy,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(JSON.parse(output)).toMatchObject({ state: "success", value: 328_350 });
  });
  it("passes the checks of lint and format, whatever style the tasks have", () => {
    for (const [tool, ...args] of [
      ["oxlint", "functions/tasks"],
      ["oxfmt", "--check", "functions/tasks"],
    ] as const) {
      const { status, stdout } = run(tool, ...args);
      expect([status, stdout]).toEqual([0, expect.anything()]);
    }
  });
  it("passes the tests that read the tree", () => {
    const tests = ["test/architecture.test.ts", "test/layout.test.ts", "test/docs.test.ts"];
    const names = "whole tree|no circle|every folder|code does not use";
    const { status, stdout } = run("vitest", "run", ...tests, "-t", names);
    expect([status, stdout]).toEqual([0, expect.stringContaining("3 passed")]);
  });
});

it("no test reads the module that a user edits", () => {
  const mention = spawnSync(
    "grep",
    ["-rlE", String.raw`functions/tasks(/index\.ts)?["'\x60]`, "--include=*.ts", "test"],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  expect(mention.stdout.trim().split("\n").toSorted()).toEqual([
    // They say the default, and what the layers are.
    "test/architecture.test.ts",
    "test/infra/config.test.ts",
    "test/readme.long.ts",
  ]);
});
