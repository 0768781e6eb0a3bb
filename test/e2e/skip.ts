import { beforeEach } from "vitest";
import type { EmulatorName } from "./setup/emulators.ts";
import { SKIPPED } from "./skipped.ts";

/** Of every file of the suite: leaves out, with the reason, what the emulator under it cannot pass. */
const skips = SKIPPED[process.env["FANFOLD_E2E_EMULATOR"] as EmulatorName] ?? [];
const reasons = new Map(skips.flatMap(({ reason, tests }) => tests.map((test) => [test, reason] as const)));

beforeEach(({ task, skip }) => {
  const reason = reasons.get(task.fullTestName);
  if (reason !== undefined) skip(reason);
});
