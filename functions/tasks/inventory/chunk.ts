/** What the walk has met up to some point of its order. */
export interface Totals {
  /** Regular files, digested later or not. */
  readonly files: number;
  /** The folder itself included, as `find -type d` counts. */
  readonly directories: number;
  readonly links: number;
  readonly special: number;
  /** What the walk itself could not do: see `Failure`. */
  readonly failures: number;
}
export const NOTHING: Totals = { files: 0, directories: 0, links: 0, special: 0, failures: 0 };

/** Path text (path-text.ts) relative to the folder, `.` for the folder itself, and a reason: the system's error code, or one of ours. */
export type Failure = readonly [path: string, reason: string];

/** One piece of work: files that follow each other in the order of the walk, and what the walk has to tell the report. */
export interface Chunk {
  readonly files: readonly string[];
  /** Since the chunk before. */
  readonly failures: readonly Failure[];
  /** From the start of the walk: a chunk that is lost takes none of these numbers with it. */
  readonly totals: Totals;
}

export type Digested = readonly [path: string, bytes: number, sha256: string];
export interface ChunkResult {
  readonly files: readonly Digested[];
  /** Those of the walk, then those of the files, in the order of the walk. */
  readonly failures: readonly Failure[];
  readonly totals: Totals;
}
