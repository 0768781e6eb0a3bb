import type { Algorithm } from "./algorithms.ts";

/**
 * The value of a run of `checksum-manifest`. Paths are encoded (path-text.ts of the inventory) and relative to the
 * folder. Lists have the first entries that fit (LIST_BOUNDS), and their totals are exact.
 */
export interface ManifestReport extends Comparison {
  readonly folder: string;
  readonly manifest: string;
  readonly algorithm: Algorithm;
  /** What became of the manifest. A `verified` one was left as it was. */
  readonly outcome: "written" | "verified" | "updated";
  /** Listed differences whose second reading gave something else than the first: files that were written meanwhile. */
  readonly unsettled: readonly string[];
  /** The sites that have read the folder and the manifest. */
  readonly sites: { readonly folder: string; readonly manifest: string };
}
/** What a folder has, beside a manifest. All files are `added` to a manifest that does not exist. */
export interface Comparison {
  /** Whether there was a manifest. */
  readonly existed: boolean;
  /** Files with a digest. */
  readonly files: number;
  readonly bytes: number;
  /** Links and special files, which are not read. */
  readonly skipped: number;
  /** Files of the manifest that are as it says. */
  readonly unchanged: number;
  readonly changed: readonly Changed[];
  readonly changedTotal: number;
  /** Files of the manifest that are gone. */
  readonly missing: readonly string[];
  readonly missingTotal: number;
  /** Empty when there was no manifest. */
  readonly added: readonly string[];
  readonly addedTotal: number;
  /** Files and folders that could not be read. The reports of the job have the reasons. */
  readonly unreadable: readonly string[];
  readonly unreadableTotal: number;
  /** Files of the manifest of which nothing is known, because they or a folder above them could not be read. */
  readonly unknown: number;
}
export interface Changed {
  readonly path: string;
  /** The digest in the manifest. */
  readonly recorded: string;
  /** The digest of the file. Null when it is no regular file any more. */
  readonly found: string | null;
}
/** Limits of each list of a report. */
export const LIST_BOUNDS = { items: 1_000, bytes: 1024 * 1024 } as const;
