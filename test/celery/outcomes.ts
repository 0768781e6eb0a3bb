import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A test of Celery's suite that ours does not pass. */
export interface Difference {
  /** Class and function. */
  readonly test: string;
  /** `purpose`: what Fanfold does is another thing, on purpose. `internals`: the test looks into Celery's transport, or at what Celery gets wrong. */
  readonly kind: "purpose" | "internals";
  /** What ours does, and why. A row of the table in docs/from-celery.md. */
  readonly reason: string;
}
/** At most so many may differ on purpose. */
export const MOST_ON_PURPOSE = 15;

export function readDifferences(): readonly Difference[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "differences.json"), "utf8")) as readonly Difference[];
}

/** One phase of one test, with one set of parameters, as the plugin writes it down. */
interface Line {
  readonly test: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly seconds: number;
  readonly problem: string;
}
export interface Outcome {
  readonly test: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Of all its parameters together. */
  readonly seconds: number;
  /** Of what failed. */
  readonly problems: readonly string[];
}

/** Outcomes by function: with several parameters one has passed when it has with all of them. */
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
