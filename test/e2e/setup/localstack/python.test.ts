import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findPython } from "./python.ts";

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), "fanfold-python-"))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

function program(path: string, script: string): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}
const find = () => findPython({ PATH: `${join(home, "empty")}:${join(home, "bin")}`, HOME: home });

it("the Python of PATH is taken first", () => {
  const found = program("bin/python3.13", "echo Python 3.13.5");
  program(".pyenv/versions/3.13.0/bin/python3.13", "echo Python 3.13.0");
  expect(find()).toBe(found);
});

it("a shim on PATH that runs nothing is passed over for one of pyenv", () => {
  program("bin/python3.13", "echo 'pyenv: python3.13: command not found'; exit 127");
  program(".pyenv/versions/3.12.1/bin/python3.13", "echo Python 3.12.1");
  const found = program(".pyenv/versions/3.13.0/bin/python3.13", "echo Python 3.13.0");
  expect(find()).toBe(found);
});

it("without any, what is needed is said", () => {
  program("bin/python3", "echo Python 3.11.7");
  expect(find).toThrow(/Python 3\.13 is needed/);
});
