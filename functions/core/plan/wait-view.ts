/** What runs wait for, and somebody has to give. Times are in milliseconds since the epoch. */
export interface WaitView {
  readonly of: "approval" | "event";
  readonly name: string;
  readonly jobId: string;
  readonly workflow?: string;
  /** The run that waits, or the first one of them. */
  readonly runId: string;
  /** Absent where the canvas waits, and not a task. */
  readonly task?: string;
  /** Runs of one group that wait for the same event. */
  readonly runs: number;
  /** Set when the group has more members than were looked at. */
  readonly more?: true;
  readonly since: number;
  readonly expiresAt?: number;
}
