import type { RunCause } from "../../core/task/run-cause.ts";

/** What the row of a run says of runs that jobs share: of the one that it waits for, and of what it depends on. */
export interface SharingAttributes {
  /** The identity whose end the run takes over; the round that it wants at least, or has taken; it had ended before. */
  readonly adopts?: string;
  readonly adoptsRound?: number;
  readonly reused?: true;
  /** Set only on runs that wait for an identity, and take no value of it. */
  readonly valueless?: true;
  /** Identities that the run has waited for, each with the round whose end it wants at least. */
  readonly asked?: { readonly [identity: string]: number };
  /** Names the item with what the last committed attempt depended on (items/edge-items.ts). */
  readonly edges?: string;
  /** Declared dependencies that the run has given up. */
  readonly removed?: ReadonlySet<string>;
  /** Set only on identities: hash of a value that is a blob; the identities whose new ends began this round, first one first. */
  readonly valueHash?: string;
  readonly cause?: readonly string[];
  /**
   * Set only on identities. Version of the task: the one that the present round was begun for at least, then the one that
   * runs it. Absent for 0.
   */
  readonly version?: number;
  /** Set only on identities: why the present round was begun. Absent for the first one, and where `cause` says it. */
  readonly why?: RunCause;
  /** Set only on identities that were removed: nobody takes the end any more, and it begins no more by itself. */
  readonly forgotten?: true;
  /** Set only on identities whose task has tiers: how often it has failed in a row, all times with this version. */
  readonly failed?: { readonly times: number; readonly version: number };
  /** Set only beside `kept`: the versions that a process must know at least to find out whether that still holds. */
  readonly needs?: Versions;
  /** The end is that of an earlier round, which still holds, so no code has run. */
  readonly verified?: true;
  /** What `outcomeOf` returned for the end while its results, which are not compared, were made. */
  readonly outcomeHash?: string;
  /** Until when the results are kept that an earlier round has made, in seconds since the epoch. */
  readonly resultsUntil?: number;
}
/** Versions by task. */
export type Versions = { readonly [task: string]: number };
/** Attributes of a round that finds out whether the end before still holds. */
export const KEPT_ATTRIBUTES: readonly string[] = ["kept", "needs"];
