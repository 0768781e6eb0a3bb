/** For how long an ended group can be read. */
export interface GroupExpiry {
  /** Seconds after the end of the group. Absent when it can be read as long as its items exist. */
  readonly ttlSeconds?: number;
  /** Written with the outcome of a group that has `ttlSeconds`, so a group that goes on never expires. Milliseconds. */
  readonly expiresAt?: number;
}

/** Returns what the outcome of a group adds to its header. `at` is the time of the outcome, in milliseconds. */
export function expiryFrom({ ttlSeconds }: GroupExpiry, at: number): GroupExpiry {
  return ttlSeconds === undefined ? {} : { expiresAt: at + ttlSeconds * 1_000 };
}
/** Whether a group can be read no more. What the engine itself owes to a callback is read all the same. */
export function isExpired({ expiresAt }: GroupExpiry, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}
