/** What the walk has found up to a point of its order. */
export interface Totals {
  /** Regular files, whether they can be digested or not. */
  readonly files: number;
  /** Directories with the folder itself, as `find -type d` counts. */
  readonly directories: number;
  readonly links: number;
  readonly special: number;
  /** Failures of the walk itself (see `Failure`). */
  readonly failures: number;
}
export const NOTHING: Totals = { files: 0, directories: 0, links: 0, special: 0, failures: 0 };

/**
 * A path and a reason. The path is encoded (path-text.ts) and relative to the folder, `.` for the folder itself. The
 * reason is an error code of the system, or one of ours.
 */
export type Failure = readonly [path: string, reason: string];

/** One unit of work: consecutive files of the walk, and what the walk reports. */
export interface Chunk {
  readonly files: readonly string[];
  /** Failures of the walk since the previous chunk. */
  readonly failures: readonly Failure[];
  /** Totals since the start of the walk, so that a lost chunk loses no counts. */
  readonly totals: Totals;
}

/** One digested file. */
export type Digested = readonly [path: string, bytes: number, sha256: string];
export interface ChunkResult {
  readonly files: readonly Digested[];
  /** Failures of the walk, then those of the files, in the order of the walk. */
  readonly failures: readonly Failure[];
  readonly totals: Totals;
}
