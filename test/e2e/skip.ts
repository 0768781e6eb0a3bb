import { beforeEach } from "vitest";
import type { EmulatorName } from "./setup/emulators.ts";
import { SKIPPED } from "./skipped.ts";

/**
 * Tests that the current emulator cannot pass. Before each test of the suite this setup file skips those, and gives the
 * reason.
 */
const skips = SKIPPED[process.env["FANFOLD_E2E_EMULATOR"] as EmulatorName] ?? [];
const reasons = new Map(skips.flatMap(({ reason, tests }) => tests.map((test) => [test, reason] as const)));

beforeEach(({ task, skip }) => {
  const reason = reasons.get(task.fullTestName);
  if (reason !== undefined) skip(reason);
});
