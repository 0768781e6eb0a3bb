/** A lock, a concurrency limit or a rate limit that is in use. Times are in milliseconds since the epoch. */
export interface LockView {
  readonly kind: "lock" | "concurrency" | "rate";
  readonly key: string;
  /** Runs at the same time, or starts in a window. Absent on a lock. */
  readonly limit?: number;
  /** Set only on a rate limit: seconds of a window, starts in the present one, and when a further run could start. */
  readonly per?: number;
  readonly started?: number;
  readonly nextAt?: number;
  /** Absent on a rate limit. At most 100. One whose worker has died is listed until its lease is over. */
  readonly holders?: readonly LockUser[];
  /** Runs that wait, the first ten, and how many they are. Absent on a rate limit. */
  readonly waiters?: readonly LockUser[];
  readonly waiting?: number;
  /** Set when more runs wait than were counted. */
  readonly more?: true;
}
/** A run that holds a lock, or waits for it, since a time. */
export interface LockUser {
  readonly runId: string;
  readonly task?: string;
  readonly since: number;
  /** Set only on a holder. */
  readonly attempt?: number;
  /** Set only where the lock has readers and writers. */
  readonly mode?: "read" | "write";
}
