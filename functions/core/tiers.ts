import { FanfoldError } from "./errors.ts";
import { isPlainObject } from "./json-check.ts";

/** One tier: while a run has failed fewer than `failures` times in a row, it runs again so long after its last failure. */
export interface RetryTier {
  readonly failures: number;
  readonly afterSeconds: number;
}
/**
 * When a failed run that jobs share runs again without being asked, long after the retries of its attempts. The tier
 * counts whose `failures` is the lowest one above the failures in a row. Above all of them it does not run again.
 */
export interface RetryTiers {
  readonly steps: readonly RetryTier[];
  /** `true` also runs again what the task itself has called broken. Default `false`. */
  readonly broken?: boolean;
}
/** The tiers of Hoover Snoop. */
export const SNOOP_TIERS: RetryTiers = {
  steps: [
    { failures: 3, afterSeconds: 4 * 60 },
    { failures: 6, afterSeconds: 120 * 60 },
    { failures: 9, afterSeconds: 4_000 * 60 },
  ],
  broken: true,
};

/** Returns after how many seconds a run that has failed so often in a row runs again; undefined when it is given up. */
export function tierDelaySeconds({ steps }: RetryTiers, failures: number): number | undefined {
  return steps.find((tier) => failures < tier.failures)?.afterSeconds;
}

/** Returns checked tiers. Throws `invalid_request` with the place of what is wrong. */
export function readTiers(value: unknown, field: string): RetryTiers {
  if (value === "snoop") return SNOOP_TIERS;
  if (!isPlainObject(value)) throw invalid(field, 'tiers must be "snoop" or { steps, broken }');
  const { steps, broken = false, ...other } = value;
  const [unknown] = Object.keys(other);
  if (unknown !== undefined) throw invalid(`${field}/${unknown}`, `tiers have no ${unknown}: give steps and broken`);
  if (typeof broken !== "boolean") throw invalid(`${field}/broken`, "broken of tiers must be true or false");
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > MOST_TIERS)
    throw invalid(`${field}/steps`, `tiers need 1 to ${MOST_TIERS} steps of { failures, afterSeconds }`);
  const read = steps.map((step, k) => readTier(step, `${field}/steps/${k}`));
  const wrong = read.findIndex(({ failures }, k) => failures <= (read[k - 1]?.failures ?? 1));
  if (wrong >= 0)
    throw invalid(`${field}/steps/${wrong}/failures`, "failures must be at least 2, and rise from tier to tier");
  return { steps: read, ...(broken && { broken }) };
}
const MOST_TIERS = 20;
/** A failed run is kept for 90 days, so it cannot run again later than that. */
const LONGEST_SECONDS = 60 * 86_400;
function readTier(value: unknown, field: string): RetryTier {
  if (!isPlainObject(value)) throw invalid(field, "a tier must be { failures, afterSeconds }");
  const { failures, afterSeconds, ...other } = value;
  const [unknown] = Object.keys(other);
  if (unknown !== undefined) throw invalid(`${field}/${unknown}`, `a tier has no ${unknown}`);
  if (typeof failures !== "number" || !Number.isSafeInteger(failures) || failures > 1_000_000)
    throw invalid(`${field}/failures`, "failures of a tier must be a whole number");
  if (typeof afterSeconds !== "number" || !(afterSeconds > 0 && afterSeconds <= LONGEST_SECONDS))
    throw invalid(`${field}/afterSeconds`, `afterSeconds of a tier must be above 0 and at most ${LONGEST_SECONDS}`);
  return { failures, afterSeconds };
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
