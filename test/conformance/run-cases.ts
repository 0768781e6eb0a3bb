import type { Case, ProseCase, UnreadableCase } from "./cases.ts";
import type { Driver } from "./driver.ts";
import { type CaseReport, type CaseSettings, runCase } from "./run-case.ts";

export interface RunSettings extends Partial<CaseSettings> {
  /** The number of cases that run at once. Each is its own job, so cases share only the workers. */
  readonly parallel?: number;
  readonly onReport?: (report: CaseReport) => void;
}

/**
 * Runs the cases, and reports in their order. Prose cases are skipped, because tests written by hand carry their ids.
 */
export async function runCases(
  driver: Driver,
  cases: readonly (Case | ProseCase | UnreadableCase)[],
  settings: RunSettings = {},
): Promise<readonly CaseReport[]> {
  const { parallel = 16, patienceSeconds = 60, pollMilliseconds = 20, onReport } = settings;
  const reports: CaseReport[] = [];
  // Timed cases run first, while little else runs.
  const order = [...cases.keys()].toSorted((a, b) => Number(isTimed(cases[b])) - Number(isTimed(cases[a])));
  const worker = async (): Promise<void> => {
    for (let at = order.shift(); at !== undefined; at = order.shift()) {
      const report = await reportOf(driver, cases[at] as Case, { patienceSeconds, pollMilliseconds });
      reports[at] = report;
      onReport?.(report);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return reports;
}
function isTimed(each: Case | ProseCase | UnreadableCase | undefined): boolean {
  return each !== undefined && "given" in each && (each as Case).given.actions !== undefined;
}
async function reportOf(
  driver: Driver,
  each: Case | ProseCase | UnreadableCase,
  settings: CaseSettings,
): Promise<CaseReport> {
  if (each.kind === "protocol") return { id: each.id, status: "skipped", problems: [], seconds: 0 };
  if (each.kind === "unreadable")
    return { id: each.id, status: "failed", problems: [`the case cannot be read: ${each.problem}`], seconds: 0 };
  return runCase(driver, each, settings);
}

export function summary(reports: readonly CaseReport[]): string {
  const count = (status: CaseReport["status"]): number => reports.filter((report) => report.status === status).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}
