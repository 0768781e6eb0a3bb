import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A test of Celery's suite that Fanfold does not pass. */
export interface Difference {
  /** Class and function of the test. */
  readonly test: string;
  /**
   * `purpose` means that Fanfold deliberately behaves differently. `internals` means that the test inspects Celery's
   * transport, or expects one of Celery's defects.
   */
  readonly kind: "purpose" | "internals";
  /** Fanfold's behaviour and the reason for it. It is a row of the table in docs/from-celery.md. */
  readonly reason: string;
}
/** The most tests that may differ on purpose. */
export const MOST_ON_PURPOSE = 15;

export function readDifferences(): readonly Difference[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "differences.json"), "utf8")) as readonly Difference[];
}

/** One phase of one test with one set of parameters, as the plugin records it. */
interface Line {
  readonly test: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly seconds: number;
  readonly problem: string;
}
export interface Outcome {
  readonly test: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Seconds over all parameters of the test. */
  readonly seconds: number;
  /** A description of each part that failed or was skipped. */
  readonly problems: readonly string[];
}

/**
 * Returns the outcome of each test function. A function with several parameters has passed only when it passed with all
 * of them.
 */
export function readOutcomes(report: string): readonly Outcome[] {
  const lines = readFileSync(report, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const byTest = new Map<string, Line[]>();
  for (const line of lines) {
    const test = line.test.replace(/\[.*$/s, "");
    byTest.set(test, [...(byTest.get(test) ?? []), line]);
  }
  return [...byTest].map(([test, parts]) => {
    const worst = (["failed", "skipped"] as const).find((outcome) => parts.some((part) => part.outcome === outcome));
    return {
      test,
      outcome: worst ?? "passed",
      seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
      problems: parts
        .filter(({ outcome }) => outcome !== "passed")
        .map((part) => `${part.test} ${part.outcome}\n${part.problem}`),
    };
  });
}
