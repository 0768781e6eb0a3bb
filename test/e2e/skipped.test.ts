import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { emulatorEnvironment } from "./setup/environment.ts";
import { REPOSITORY } from "./setup/paths.ts";
import { SKIPPED } from "./skipped.ts";
import { SMOKE, smokeArguments } from "./smoke.ts";

interface Listed {
  readonly name: string;
  readonly file: string;
}
/** Returns the tests that vitest finds in the suite. No test is run, so no emulator is needed. */
function listed(...args: readonly string[]): readonly Listed[] {
  const env = { ...emulatorEnvironment({ AWS_ENDPOINT_URL: "http://127.0.0.1:9" }), FANFOLD_E2E_CASES: "1" };
  const command = join(REPOSITORY, "node_modules", ".bin", "vitest");
  const output = execFileSync(command, ["list", "--json", "--config", "test/e2e/vitest.config.ts", ...args], {
    cwd: REPOSITORY,
    env,
    encoding: "utf8",
  });
  return JSON.parse(output) as readonly Listed[];
}

describe("the end-to-end suite", () => {
  const all = listed();
  const names = new Set(all.map(({ name }) => name));
  const skips = Object.entries(SKIPPED).flatMap(([emulator, reasons]) =>
    reasons.flatMap(({ reason, tests }) => tests.map((test) => ({ emulator, reason, test }))),
  );

  it.each(skips)("on $emulator leaves out a test that there is, with a reason: $test", ({ reason, test }) => {
    expect(names).toContain(test);
    expect(reason).not.toBe("");
  });

  it("leaves no test out on every emulator, and none twice", () => {
    expect(skips.map(({ test }) => test)).toEqual([...new Set(skips.map(({ test }) => test))]);
  });

  it("has every test of the smoke, each in its file, and picks exactly these", () => {
    const wanted = SMOKE.flatMap(({ file, tests }) => tests.map((name) => `${file}: ${name}`));
    const found = (list: readonly Listed[]) =>
      list.map(({ name, file }) => `${file.slice(join(REPOSITORY, "test/e2e/").length)}: ${name}`);
    expect(found(all)).toEqual(expect.arrayContaining(wanted));
    expect(found(listed(...smokeArguments())).toSorted()).toEqual(wanted.toSorted());
  });

  it("leaves nothing of the smoke out", () => {
    const smoke = SMOKE.flatMap(({ tests }) => tests);
    expect(skips.filter(({ test }) => smoke.includes(test))).toEqual([]);
  });
});
