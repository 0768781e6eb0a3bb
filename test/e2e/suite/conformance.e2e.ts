import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readCases } from "../../conformance/cases.ts";
import { httpDriver } from "../../conformance/driver.ts";
import type { CaseReport } from "../../conformance/run-case.ts";
import { runCases } from "../../conformance/run-cases.ts";
import { selectCases } from "../../conformance/selection.ts";
import { CASES, connect, signer } from "../deployment.ts";

const cases = selectCases(readCases(join(import.meta.dirname, "../../conformance/cases/canvas-cases.json")), CASES);

/**
 * Several cases run at once, each as its own job. An emulator runs one function at a time, so each case polls its job
 * only rarely.
 */
describe(`${cases.length} canvas cases through the API of the deployment`, () => {
  let reports: readonly CaseReport[] = [];
  beforeAll(async () => {
    const [{ url }, signed] = [await connect(), signer("execute-api")];
    const driver = httpDriver({ url, fetch: (request) => signed.fetch(request) });
    const begun = performance.now();
    reports = await runCases(driver, cases, { parallel: 6, patienceSeconds: 240, pollMilliseconds: 500 });
    console.log(`${cases.length} cases took ${Math.round((performance.now() - begun) / 1_000)} s`);
  }, 900_000);

  it.each(cases.map((each, index) => [each.id, each.title ?? "", index] as const))("%s %s", (id, _title, index) => {
    expect(reports[index]).toMatchObject({ id, problems: [], status: "passed" });
  });
});
