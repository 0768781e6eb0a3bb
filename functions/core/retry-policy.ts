import { FanfoldError, type ErrorCode } from "./errors.ts";
import { isPlainObject } from "./json-check.ts";

/** When a failed attempt is retried. Attempts that died (takeovers) are no failures and do not count. */
export interface RetryPolicy {
  /** Attempts in total, the first included. 1 means never retried. */
  readonly maxAttempts: number;
  /** Delay after the first failure, in seconds. */
  readonly initialDelaySeconds: number;
  /** Factor by which each further delay grows. */
  readonly backoffFactor: number;
  /** Upper limit of a delay, in seconds. */
  readonly maxDelaySeconds: number;
  /**
   * Random share of the delay that is taken off: 0 keeps delays exact, 1 picks anywhere between 0 and the delay (full
   * jitter).
   */
  readonly jitter: number;
}

/** The default policy. A task is not retried unless it raises `maxAttempts`; the other numbers apply then. */
export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 1,
  initialDelaySeconds: 1,
  backoffFactor: 2,
  maxDelaySeconds: 300,
  jitter: 0.5,
};

/**
 * Retries of attempts that could not reach the other side. They have a count of their own, and leave the fail count as
 * it is. When they are used up, such an attempt fails like any other.
 */
export const CONNECTION_RETRY: RetryPolicy = { ...DEFAULT_RETRY, maxAttempts: 10 };

const RANGES: { readonly [Key in keyof RetryPolicy]: readonly [from: number, to: number] } = {
  maxAttempts: [1, 1_000_000],
  initialDelaySeconds: [0, 31_536_000],
  backoffFactor: [1, 1_000],
  maxDelaySeconds: [0, 31_536_000],
  jitter: [0, 1],
};

export interface RetryPolicyOptions {
  /** Values for fields that are left out. Default `DEFAULT_RETRY`. */
  readonly base?: RetryPolicy;
  /** JSON pointer of the policy for errors. Default `/retry`. */
  readonly field?: string;
  /** Code of the error. Default `invalid_request`. */
  readonly code?: ErrorCode;
}

/**
 * Returns a complete, checked policy. When `maxDelaySeconds` is left out it grows to `initialDelaySeconds`, so that a
 * first delay beyond the default maximum is not silently cut.
 */
export function retryPolicy(partial: Partial<RetryPolicy> | undefined, options: RetryPolicyOptions = {}): RetryPolicy {
  const base = options.base ?? DEFAULT_RETRY;
  const given = checkRetry(partial ?? {}, options.field ?? "/retry", options.code ?? "invalid_request");
  const merged = { ...base, ...given };
  return given.maxDelaySeconds === undefined && merged.maxDelaySeconds < merged.initialDelaySeconds
    ? { ...merged, maxDelaySeconds: merged.initialDelaySeconds }
    : merged;
}

/**
 * Returns a checked copy of the given fields.
 * @throws FanfoldError with `code`
 */
export function checkRetry(partial: unknown, field: string, code: ErrorCode): Partial<RetryPolicy> {
  if (!isPlainObject(partial)) throw new FanfoldError(code, `${field} must be an object`, { details: { field } });
  const checked: { -readonly [Key in keyof RetryPolicy]?: number } = {};
  for (const key of Object.keys(partial)) {
    const at = `${field}/${key.slice(0, 100)}`;
    if (!isPolicyKey(key))
      throw new FanfoldError(code, `${at} is not a field of a retry policy (${Object.keys(RANGES).join(", ")})`, {
        details: { field: at },
      });
    const value = partial[key];
    if (value === undefined) continue;
    const [from, to] = RANGES[key];
    const whole = key === "maxAttempts";
    if (typeof value !== "number" || !(value >= from && value <= to) || (whole && !Number.isInteger(value))) {
      throw new FanfoldError(code, `${at} must be a ${whole ? "whole " : ""}number from ${from} to ${to}`, {
        details: { field: at },
      });
    }
    checked[key] = value;
  }
  return checked;
}

function isPolicyKey(key: string): key is keyof RetryPolicy {
  return Object.hasOwn(RANGES, key);
}

/**
 * Returns the seconds to wait after failure number `failedAttempts` (1 for the first). `random` is a number in [0, 1).
 * The result lies between `1 - jitter` times the exact delay and the exact delay.
 */
export function retryDelaySeconds(policy: RetryPolicy, failedAttempts: number, random: number): number {
  // Zero times an overflown factor would be NaN.
  if (policy.initialDelaySeconds === 0) return 0;
  const exact = Math.min(
    policy.maxDelaySeconds,
    policy.initialDelaySeconds * policy.backoffFactor ** Math.max(0, failedAttempts - 1),
  );
  return exact * (1 - policy.jitter * random);
}
