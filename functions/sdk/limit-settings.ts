import { FanfoldError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import {
  type ConcurrencyLimit,
  isLimited,
  LIMIT_NAMES,
  type LimitName,
  type LockRequest,
  type RateLimit,
  readLimit,
  type RunLimits,
} from "../core/task/run-limits.ts";

/** What a key may be made of, beside the arguments. */
export interface KeyContext {
  readonly jobId: string;
  readonly kwargs: JsonObject;
  readonly stamps: JsonObject;
}
/**
 * A key of a limit or lock: a text, or a function that is called as `run` is. It may be called again at any time, so it
 * gives equal texts for equal arguments.
 * @example locks: [{ key: (_ctx, file: string) => `file:${file}`, mode: "write" }]
 */
export type LimitKey = string | ((ctx: KeyContext, ...args: never[]) => string);
/** A limit whose key may be made of the arguments of each run. */
export type Keyed<Limit extends { readonly key?: string }> = Omit<Limit, "key"> & {
  readonly [Key in keyof Pick<Limit, "key">]: LimitKey;
};

/** What runs of a task must hold before their code starts. An option of a signature replaces the one of its task. */
export interface LimitSettings {
  /**
   * At most `limit` runs of one key start in each window of `per` seconds. A run beyond that is deferred until the window
   * in which it may start.
   */
  readonly rateLimit?: Keyed<RateLimit>;
  /** At most `limit` runs of one key execute at the same time. Others are deferred, and hold no worker. */
  readonly concurrency?: Keyed<ConcurrencyLimit>;
  /** Locks that a run holds while its code executes. One writer is alone, and readers share. At most 8. */
  readonly locks?: readonly Keyed<LockRequest>[];
}

/** Returns the limits as the engine knows them. A key that is made of the arguments is left out. */
export function limitsPart(settings: LimitSettings): { readonly limits?: RunLimits } {
  const limits: { [Name in LimitName]?: NonNullable<RunLimits[Name]> } = {};
  for (const name of LIMIT_NAMES)
    if (settings[name] !== undefined)
      Object.assign(limits, { [name]: readLimit(name, settings[name], `/${name}`, DEFINED) });
  return isLimited(limits) ? { limits } : {};
}
const DEFINED = {
  code: "invalid_request",
  keyOf: (given: unknown, field: string): string | undefined => {
    if (typeof given !== "function")
      throw new FanfoldError("invalid_request", `${field} must be a text, or a function that makes one`, {
        details: { field },
      });
    return undefined;
  },
} as const;
/** Returns the limits with the functions that make their keys. */
export function limitSettings({ rateLimit, concurrency, locks }: LimitSettings): LimitSettings {
  return { ...(rateLimit && { rateLimit }), ...(concurrency && { concurrency }), ...(locks && { locks }) };
}
