import { FanfoldError } from "../errors.ts";
import { isPlainObject } from "../json-check.ts";
import { LIMITS } from "../limits.ts";

/** How many runs of a bulk task share one call, and how long the first of them waits for others. */
export interface BulkLimits {
  /** Most runs in one call, from 1 to 1,000. Default 300. */
  readonly maxItems: number;
  /** Bytes of input after which a call takes no further run. The run that exceeds them is the last. Default 30 MiB. */
  readonly maxBytes: number;
  /** Longest time in seconds that a run waits for others, from 0 to 900. Default 63. */
  readonly maxSeconds: number;
}
/** What the engine knows of a bulk task. */
export interface BulkInfo extends BulkLimits {
  /** Set when the task has a hook around its passes. */
  readonly passes?: true;
}
export const DEFAULT_BULK: BulkLimits = { maxItems: 300, maxBytes: 30 * 1024 ** 2, maxSeconds: 63 };
/** Bytes that a run adds to a call beside its arguments. */
const OVERHEAD_BYTES = 2_000;

/** Hooks of a bulk task, in the order in which they run. */
export type PassHook = "beforePass" | "afterPass";

/**
 * Returns the checked settings of a bulk task.
 * @throws FanfoldError `invalid_request`, whose `details.field` names the field
 */
export function readBulk(given: unknown, field: string): BulkLimits {
  if (!isPlainObject(given)) throw refused(field, "must be an object");
  for (const name of Object.keys(given))
    if (!(name in DEFAULT_BULK)) throw refused(`${field}/${name}`, `is not a field here (${NAMES.join(", ")})`);
  const { maxItems, maxBytes, maxSeconds } = { ...DEFAULT_BULK, ...given } as Record<keyof BulkLimits, unknown>;
  return {
    maxItems: wholeIn(maxItems, 1, LIMITS.bulkItems, `${field}/maxItems`),
    maxBytes: wholeIn(maxBytes, 1, Number.MAX_SAFE_INTEGER, `${field}/maxBytes`),
    maxSeconds: wholeIn(maxSeconds, 0, LIMITS.bulkSeconds, `${field}/maxSeconds`),
  };
}
const NAMES = Object.keys(DEFAULT_BULK);
function wholeIn(given: unknown, from: number, to: number, field: string): number {
  if (Number.isSafeInteger(given) && (given as number) >= from && (given as number) <= to) return given as number;
  throw refused(field, `must be a whole number from ${from} to ${to}`);
}
function refused(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_request", `${field} ${problem}`, { details: { field } });
}

/** Returns the bytes that a run counts in a call: its arguments as JSON, the blobs that these name, and a fixed part. */
export function bulkBytes(input: unknown): number {
  return OVERHEAD_BYTES + (JSON.stringify(input) ?? "").length + blobBytes(input);
}
function blobBytes(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + blobBytes(each), 0);
  const { $blob, bytes } = value as { readonly $blob?: unknown; readonly bytes?: unknown };
  if (typeof $blob === "string") return typeof bytes === "number" ? bytes : 0;
  return Object.values(value).reduce<number>((sum, each) => sum + blobBytes(each), 0);
}
