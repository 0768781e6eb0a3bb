import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Case, readCases } from "./cases.ts";
import { type ClosableDriver, embeddedDriver } from "./driver.ts";
import type { CaseReport } from "./run-case.ts";
import { runCases } from "./run-cases.ts";

const cases = readCases(fileURLToPath(new URL("./cases/canvas-cases.json", import.meta.url)));
const runnable = cases.filter((each): each is Case => each.kind !== "protocol");

/**
 * All cases run at once on one engine, which is much faster than one after the other. Each case then has its own
 * verdict.
 */
describe("canvas cases on the embedded engine", () => {
  let driver: ClosableDriver;
  let reports: readonly CaseReport[] = [];
  beforeAll(async () => {
    driver = await embeddedDriver();
    reports = await runCases(driver, runnable, { parallel: 24 });
  }, 240_000);
  afterAll(() => driver.close());

  it("there are 182 of them", () => expect(runnable).toHaveLength(182));
  it.each(runnable.map((each, index) => [each.id, each.title ?? "", index] as const))("%s %s", (id, _title, index) => {
    expect(reports[index]).toMatchObject({ id, problems: [], status: "passed" });
  });
});
