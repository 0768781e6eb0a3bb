/** The value of an inventory. Paths are texts (path-text.ts) relative to `folder`. The same folder always gives the same report. */
export interface InventoryReport {
  readonly folder: string;
  /** Regular files that were digested; every other one that was met is among the failures. Each hard link counts. */
  readonly files: number;
  /** `folder` itself included. */
  readonly directories: number;
  /** Of the digested files. */
  readonly bytes: number;
  /** Symbolic links, wherever they lead: not followed. */
  readonly links: number;
  /** Sockets, fifos, devices: not opened. */
  readonly special: number;
  /** In the order of the walk; at most REPORT_BOUNDS.failures of them. */
  readonly failures: readonly ReportedFailure[];
  readonly failuresTotal: number;
  /** Files of the same content, by wasted bytes, most first; at most REPORT_BOUNDS.duplicates of JSON. */
  readonly duplicates: readonly DuplicateGroup[];
  readonly duplicatesTotal: DuplicateTotals;
  /** By what `path.extname` gives, in lower case (`.ts`; empty: none, or a longer one than 32 characters), most bytes first. */
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
  /** Of each of the files. */
  readonly bytes: number;
  /** In the order of the walk. */
  readonly paths: readonly string[];
  /** Paths that did not fit; not there when all did. */
  readonly pathsOmitted?: number;
}
export interface DuplicateTotals {
  readonly groups: number;
  /** In all groups. */
  readonly files: number;
  /** What is left of them when one of each group stays. */
  readonly wastedBytes: number;
}

/** Together below the 16 MB that a value may have. */
export const REPORT_BOUNDS = {
  failures: { items: 10_000, bytes: 1024 * 1024 },
  extensions: { items: 1_000, bytes: 256 * 1024 },
  duplicates: { bytes: 10 * 1024 * 1024 },
  largest: 20,
} as const;
