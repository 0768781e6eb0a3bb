import { statfs } from "node:fs/promises";
import { messageOf } from "../../host/log.ts";
import type { LmdbEnvironment } from "./lmdb-environment.ts";

/** Whether the store of this machine takes writes, and why not. */
export type StoreState = { readonly writable: true } | { readonly writable: false; readonly why: string };

/** A commit that is younger proves that the store takes writes. */
const FRESH_MS = 5_000;
/**
 * Space that the disk must have free. A small write succeeds on a full disk when the database has free pages of its
 * own, so it does not prove that work can be stored.
 */
const LEAST_FREE_BYTES = 16 * 1_024 * 1_024;

/**
 * Returns whether the database, and the disk below it, take writes. A recent commit answers for the database, and else
 * one entry is written.
 */
export async function storeWritable(
  environment: LmdbEnvironment,
  folder: string,
  leastFreeBytes = LEAST_FREE_BYTES,
): Promise<StoreState> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < leastFreeBytes)
    return { writable: false, why: `the disk of the data folder has ${Math.floor(free / 1_024)} KB left` };
  if ((environment.gatherer.committedAgoMs ?? Number.POSITIVE_INFINITY) < FRESH_MS) return { writable: true };
  return environment.gatherer
    .run(() => environment.probe.putSync("written", Buffer.from([1])))
    .then(() => ({ writable: true as const }))
    .catch((error: unknown) => ({ writable: false as const, why: messageOf(error) }));
}
