/**
 * The value of an inventory. Paths are encoded (path-text.ts) and relative to `folder`. The same folder always gives
 * the same report.
 */
export interface InventoryReport {
  readonly folder: string;
  /** Regular files that were digested. All other regular files are among the failures. Each hard link counts. */
  readonly files: number;
  /** Directories, `folder` included. */
  readonly directories: number;
  /** Bytes of the digested files. */
  readonly bytes: number;
  /** Symbolic links. They are not followed. */
  readonly links: number;
  /** Sockets, fifos and devices. They are not opened. */
  readonly special: number;
  /** Failures in the order of the walk, at most REPORT_BOUNDS.failures. */
  readonly failures: readonly ReportedFailure[];
  readonly failuresTotal: number;
  /** Groups of files with the same content, most wasted bytes first, at most REPORT_BOUNDS.duplicates of JSON. */
  readonly duplicates: readonly DuplicateGroup[];
  readonly duplicatesTotal: DuplicateTotals;
  /**
   * Files and bytes by extension, most bytes first. Keys are the lower-case result of `path.extname` (`.ts`). The key
   * is empty without an extension, or for one longer than 32 characters.
   */
  readonly byExtension: { readonly [extension: string]: { readonly files: number; readonly bytes: number } };
  readonly extensionsTotal: number;
  readonly largest: readonly { readonly path: string; readonly bytes: number }[];
}
export interface ReportedFailure {
  readonly path: string;
  readonly reason: string;
}
export interface DuplicateGroup {
  readonly sha256: string;
  /** Bytes of each file. */
  readonly bytes: number;
  /** Paths in the order of the walk. */
  readonly paths: readonly string[];
  /** Number of paths that did not fit. Absent when all did. */
  readonly pathsOmitted?: number;
}
export interface DuplicateTotals {
  readonly groups: number;
  /** Files in all groups. */
  readonly files: number;
  /** Bytes that would be saved by keeping one file of each group. */
  readonly wastedBytes: number;
}

/** Limits of the lists in a report. Together they stay below 16 MB, the limit of a value. */
export const REPORT_BOUNDS = {
  failures: { items: 10_000, bytes: 1024 * 1024 },
  extensions: { items: 1_000, bytes: 256 * 1024 },
  duplicates: { bytes: 10 * 1024 * 1024 },
  largest: 20,
} as const;
