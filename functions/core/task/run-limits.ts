import { FanfoldError, type ErrorCode } from "../errors.ts";
import { isPlainObject } from "../json-check.ts";
import { LIMITS } from "../limits.ts";

/** At most so many runs of one key start in each window of `per` seconds. Windows of all keys begin together. */
export interface RateLimit {
  /** Length of a window in seconds, a whole number. */
  readonly per: number;
  readonly limit: number;
  /** Default: the name of the task. Limits with the same `per` and key are one limit. */
  readonly key?: string;
}
/** At most so many runs of one key execute at the same time. */
export interface ConcurrencyLimit {
  readonly limit: number;
  /** Default: the name of the task. Limits with the same key share their places. */
  readonly key?: string;
}
/** A lock that a run holds while its code executes. One writer is alone, and readers share. */
export interface LockRequest {
  readonly key: string;
  readonly mode?: "write" | "read";
}
/** What a run must hold before its code starts. */
export interface RunLimits {
  readonly rateLimit?: RateLimit;
  readonly concurrency?: ConcurrencyLimit;
  readonly locks?: readonly LockRequest[];
}
export type LimitName = keyof RunLimits;
export const LIMIT_NAMES: readonly LimitName[] = ["rateLimit", "concurrency", "locks"];

/** Says which error a wrong limit is. */
interface Refusal {
  readonly code: ErrorCode;
  /** Checks keys that are not text. Absent where a key must be text. */
  readonly keyOf?: (given: unknown, field: string) => string | undefined;
}

/**
 * Returns a checked copy of one limit, without fields that are undefined. A key that `keyOf` leaves undefined is made of
 * the arguments of each run, and absent here. Throws the error of `refusal`, whose `details.field` names the field.
 */
export function readLimit<Name extends LimitName>(
  name: Name,
  given: unknown,
  field: string,
  refusal: Refusal,
): NonNullable<RunLimits[Name]> {
  const read = READERS[name] as (given: unknown, field: string, refusal: Refusal) => NonNullable<RunLimits[Name]>;
  return read(given, field, refusal);
}
const READERS: { readonly [Name in LimitName]: (given: unknown, field: string, refusal: Refusal) => RunLimits[Name] } =
  {
    rateLimit: (given, field, refusal) => {
      const { per, limit, key } = fieldsOf(given, ["per", "limit", "key"], field, refusal);
      return {
        per: wholeIn(per, LIMITS.ratePerSeconds, `${field}/per`, refusal),
        limit: wholeIn(limit, LIMITS.rateLimit, `${field}/limit`, refusal),
        ...keyPart(key, `${field}/key`, refusal),
      };
    },
    concurrency: (given, field, refusal) => {
      const { limit, key } = fieldsOf(given, ["limit", "key"], field, refusal);
      return {
        limit: wholeIn(limit, LIMITS.concurrencyLimit, `${field}/limit`, refusal),
        ...keyPart(key, `${field}/key`, refusal),
      };
    },
    locks: (given, field, refusal) => {
      if (!Array.isArray(given) || given.length > LIMITS.locks)
        throw refused(refusal, field, `must be a list of at most ${LIMITS.locks} locks`);
      return given.map((lock: unknown, k) => {
        const at = `${field}/${k}`;
        const { key, mode = "write" } = fieldsOf(lock, ["key", "mode"], at, refusal);
        if (mode !== "write" && mode !== "read") throw refused(refusal, `${at}/mode`, `must be "write" or "read"`);
        if (key === undefined) throw refused(refusal, `${at}/key`, "is missing: it names what is locked");
        return { ...(keyPart(key, `${at}/key`, refusal) as { readonly key: string }), mode };
      });
    },
  };

function fieldsOf(
  given: unknown,
  names: readonly string[],
  field: string,
  refusal: Refusal,
): { readonly [name: string]: unknown } {
  if (!isPlainObject(given)) throw refused(refusal, field, "must be an object");
  for (const name of Object.keys(given))
    if (!names.includes(name)) throw refused(refusal, `${field}/${name}`, `is not a field here (${names.join(", ")})`);
  return given;
}
function wholeIn(given: unknown, to: number, field: string, refusal: Refusal): number {
  if (Number.isSafeInteger(given) && (given as number) >= 1 && (given as number) <= to) return given as number;
  throw refused(refusal, field, `must be a whole number from 1 to ${to}`);
}
function keyPart(given: unknown, field: string, refusal: Refusal): { readonly key?: string } {
  if (given === undefined) return {};
  const key = typeof given !== "string" && refusal.keyOf ? refusal.keyOf(given, field) : given;
  if (key === undefined) return {};
  const problem = keyProblem(key);
  if (problem !== undefined) throw refused(refusal, field, problem);
  return { key: key as string };
}
/** Returns what is wrong with a key. Returns undefined for a valid one. */
export function keyProblem(key: unknown): string | undefined {
  if (typeof key !== "string") return "must be a text";
  if (key === "") return "must not be empty";
  if (key.length > LIMITS.nameCharacters) return `must have at most ${LIMITS.nameCharacters} characters`;
  return KEY.test(key) ? undefined : "must not contain control characters";
}
const KEY = /^[^\p{Cc}\p{Cs}]+$/u;
function refused({ code }: Refusal, field: string, problem: string): FanfoldError {
  return new FanfoldError(code, `${field} ${problem}`, { details: { field } });
}

/** Returns whether any limit is given. */
export function isLimited(limits: RunLimits | undefined): limits is RunLimits {
  return (
    limits !== undefined &&
    (limits.rateLimit !== undefined || limits.concurrency !== undefined || (limits.locks?.length ?? 0) > 0)
  );
}
/** Returns the limits of a run: each of a signature replaces that of its task. */
export function limitsOf(task: RunLimits | undefined, signature: RunLimits | undefined): RunLimits {
  const rateLimit = signature?.rateLimit ?? task?.rateLimit;
  const concurrency = signature?.concurrency ?? task?.concurrency;
  const locks = signature?.locks ?? task?.locks;
  return { ...(rateLimit && { rateLimit }), ...(concurrency && { concurrency }), ...(locks && { locks }) };
}
